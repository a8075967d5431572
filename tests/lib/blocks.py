#!/usr/bin/env python3
"""blocks.py FILE LANGUAGE DIR: writes the fenced code blocks of a Markdown file in one language to DIR/1, DIR/2 and so on.

Suites run what the documents tell people to run.  A block that nothing can run has a comment before it that says why:

    <!-- not run: the output depends on the machine -->
"""
import pathlib
import re
import sys
from typing import NamedTuple, Optional

FENCE = re.compile(r"^```(\w*)$")
REASON = re.compile(r"^<!-- not run: (.+) -->$")


class Block(NamedTuple):
    line: int  # of its first line
    language: str  # "" for an indented block
    text: str
    reason: Optional[str]  # why it is not run


def blocks(text):
    """All code blocks of a Markdown text, fenced and indented, in order."""
    lines, found, reason, at = text.split("\n"), [], None, 0
    while at < len(lines):
        line = lines[at]
        if fence := FENCE.match(line):
            end = lines.index("```", at + 1)
            found.append(Block(at + 2, fence[1], "\n".join(lines[at + 1:end]) + "\n", reason))
            at = end
        elif line.startswith("    ") and at > 0 and not lines[at - 1]:
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end]):
                end += 1
            inner = "\n".join(each[4:] for each in lines[at:end]).rstrip()
            found.append(Block(at + 1, "", inner + "\n", reason))
            at = end - 1
        if line:
            marked = REASON.match(line)
            reason = marked[1] if marked else None
        at += 1
    return found


def main():
    source, language, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [b for b in blocks(pathlib.Path(source).read_text()) if b.language == language and not b.reason]
    for i, block in enumerate(chosen, 1):
        (folder / str(i)).write_text(block.text)


if __name__ == "__main__":
    main()
