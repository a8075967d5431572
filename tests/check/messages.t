#!/usr/bin/env python3
"""docs/troubleshooting.md has every message of entry and ctr-jailer, and no message that they do not have.

A message is the format string in a call of common/err.h or common/log.h.  The page has it in a table's first column, with
... in the place of conversions, or of more.
"""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, "tests/lib")
from tap import done_testing, result  # noqa: E402

PAGE = "docs/troubleshooting.md"
PARTS = ["common", "entry", "rootdisk", "netsetup", "share", "store", "ctl", "cni"]
CALLS = re.compile(r'\b(?:err_set|err_sys|log_error|log_warn|refuse_client)\([^";]*((?:"(?:[^"\\]|\\.)*"\s*(?:PRI\w+\s*)?)+)')
CONVERSION = re.compile(r"%[-#0-9.*]*(?:hh|h|ll|l|z)?[a-zA-Z]")
ANYTHING = "\x00"


def literal(text):
    """C string literals next to each other, without macros such as PRIu64 between them."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))


def messages(source):
    """The format strings in calls, with ANYTHING for each conversion."""
    for call in CALLS.finditer(source):
        text = CONVERSION.sub(ANYTHING, literal(call[1])).replace("%%", "%").replace('\\"', '"')
        if re.search(r"[a-z]{2}", text):  # else it is somebody else's text
            yield re.sub(ANYTHING + "+", ANYTHING, text)


def patterns(page):
    """The messages of a page, as (text, regular expression)."""
    for cell in re.findall(r"^\| (`.+?`) \|", page.replace(r"\|", "\x01"), re.M):
        for text in re.findall(r"`(.+?)`", cell):
            text = text.replace("\x01", "|")
            parts = [re.escape(part) for part in text.split("...")]
            yield text, re.compile(".*".join(parts), re.S)


found = list(messages('err_set(err, "cannot eat %.10s: "\n    "%zu bytes", x, y); log_warn("%s: %s", a, b);'))
result(found == [f"cannot eat {ANYTHING}: {ANYTHING} bytes"], "messages in the source are found", found)
page = list(patterns(pathlib.Path(PAGE).read_text()))
sources = subprocess.run(["git", "ls-files", "--", *(f"{part}/*.c" for part in PARTS)], capture_output=True, text=True)
told = {}
for path in sources.stdout.split():
    if pathlib.Path(path).exists():
        for message in messages(pathlib.Path(path).read_text()):
            told.setdefault(message, path)
result(len(told) > 500, f"there are {len(told)} messages")
missing = [f"{path}: {m.replace(ANYTHING, '...')}" for m, path in told.items() if not any(p.fullmatch(m) for _, p in page)]
result(not missing, f"each of them is in {PAGE}", missing)
stale = [text for text, p in page if not any(p.fullmatch(m) for m in told)]
result(not stale, f"{PAGE} has no others", stale)
done_testing()
