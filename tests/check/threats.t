#!/usr/bin/env python3
"""Every promise of docs/threat-model.md names the tests that hold it, and they exist.

A row of its tables ends with such names: `SUITE`: words of a test's title; `SUITE`: ...
"""
import pathlib
import re
import sys

sys.path.insert(0, "tests/lib")
from tap import done_testing, result  # noqa: E402

DOCUMENT = pathlib.Path("docs/threat-model.md")
NAME = re.compile(r"`([a-z0-9]+/[\w-]+)`: ([^;|]+)")


def source(suite):
    """A suite's text, on one line, with its program's; None without such a suite."""
    paths = [path for path in (pathlib.Path(f"tests/{suite}.t"), pathlib.Path(f"tests/{suite}.c")) if path.exists()]
    return " ".join(" ".join(path.read_text().split()) for path in paths) or None


def faults(names):
    """What is wrong with a row's names, as sentences."""
    if not names:
        yield "no test is named"
    for suite, title in names:
        text = source(suite)
        if text is None:
            yield f"there is no suite {suite}"
        elif title.strip() not in text:
            yield f"{suite} has no test '{title.strip()}'"


# The check itself can fail.
result(list(faults([])), "a promise without a test is refused")
result(list(faults([("check/nonsense", "x")])), "so is one whose suite does not exist")
result(list(faults([("check/threats", "such a title" + " does not exist")])), "and one whose test does not")

promises = []
held = False
for line in DOCUMENT.read_text().splitlines():
    if not line.startswith("|"):
        held = False
    elif line.rstrip().endswith("| held by |"):
        held = True
    elif held and not re.fullmatch(r"[|\s-]+", line):
        promises.append(line)
result(len(promises) >= 20, f"{len(promises)} promises are made")
for line in promises:
    cells = [c.strip() for c in line.strip().strip("|").split("|")]
    result(not list(faults(NAME.findall(cells[-1]))), f"{cells[0]}", faults(NAME.findall(cells[-1])))
done_testing()
