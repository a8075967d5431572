"""The anchors that GitHub gives to headings, for mkdocs."""
import re


def github(heading, separator):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", separator)
