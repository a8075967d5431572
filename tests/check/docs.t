#!/usr/bin/env python3
"""Code blocks of the documents: commands parse, and what they name exists: verbs, flags, options, make's targets.
Every link inside the repository leads somewhere, and the README leads to every page.

docker/docker builds the Dockerfiles, and docker/inside runs docs/running.md's commands in a container.
"""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, "tests/lib")
from blocks import blocks  # noqa: E402
from tap import done_testing, result  # noqa: E402


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


ENTRY = output("build/bin/entry", "--help")
OPTIONS = set(re.findall(r"^  ([A-Z][A-Z_]*) ", ENTRY, re.M))
FLAGS = set(re.findall(r"^  (--[a-z-]+)", ENTRY, re.M))
VERBS = set(re.findall(r"^  ([a-z]+(?:-[a-z]+)?)\b", output("build/bin/ctr-jailer", "--help"), re.M))
TARGETS = set(re.findall(r"^([\w/.-]+):", output("make", "-pRrq", "SETUP=no", "all"), re.M))
# Variables that the documents make up for the guest's command.
OWN = {"GREETING"}


def shell_faults(text):
    """What is wrong with commands, as sentences."""
    parsed = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    if parsed.returncode != 0:
        yield parsed.stderr.strip()
    plain = re.sub(r"'[^']*'", "''", text.replace("\\\n", " "))
    plain = re.sub(r"(^|\s)#.*", "", plain, flags=re.M)
    for name in re.findall(r"-e \"?([A-Z][A-Z_]*)=", plain):
        if name not in OPTIONS | OWN:
            yield f"-e {name}: is not an option"
    for verb in re.findall(r"\bctr-jailer (profile-[a-z]+|[a-z]+)(?![a-z-])", plain):
        if verb not in VERBS:
            yield f"ctr-jailer {verb}: is not a command"
    for flag in re.findall(r"\bentry (--[a-z-]+)", plain):
        if flag not in FLAGS:
            yield f"entry {flag}: is not a flag"
    for words in re.findall(r"(?:^|\| |&& )make ([^|&;\n]*)", plain, re.M):
        for target in words.split():
            if "=" not in target and not target.startswith(("-", "'")) and target not in TARGETS:
                yield f"make {target}: is not a target"
    for path in re.findall(r"(?:^| )((?:tests|mk|kernels)/[\w./-]+)", plain, re.M):
        if not os.path.exists(path):
            yield f"{path}: is not there"


def docker_faults(text):
    for line in re.findall(r"^[A-Z]+ .*[ \t]#.*$", text, re.M):
        yield f"{line}: a Dockerfile has comments on lines of their own only"


def faults(block):
    if block.reason:
        return
    if block.language == "dockerfile":
        yield from docker_faults(block.text)
    elif block.language in ("sh", ""):
        yield from shell_faults(block.text)
    else:
        yield f"language {block.language}: no suite knows what to do with it; say <!-- not run: why --> before it"


def anchors(text):
    """The anchors that GitHub gives to a page's headings."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def links(text):
    """Targets inside the repository, as written."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", link)]


def dead(page, text):
    """The links of `text`, a page at the path `page`, that lead nowhere."""
    defined = re.findall(r"^\[([^]]+)\]: \S+$", text, re.M)
    for name in re.findall(r"\]\[([^]]+)\]", re.sub(r"`[^`]*`|^```.*?^```$", "", text, flags=re.M | re.S)):
        if name not in defined:
            yield f"[{name}]: is not defined"
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = pathlib.Path(os.path.normpath(page.parent / path)) if path else page
        if not target.exists():
            yield f"{link}: is not there"
        elif anchor and anchor not in anchors(target.read_text() if path else text):
            yield f"{link}: has no such heading"


# The test itself can fail.
for language, text in (("dockerfile", "FROM debian AS x   # mine\n"), ("sh", "if then\n"), ("sh", "make nonsense\n"),
                       ("sh", "docker exec C ctr-jailer nonsense\n"), ("sh", "docker run -e MEM_SIZE=1 x\n"),
                       ("", "tests/nonsense\n"), ("yaml", "a: b\n"), ("", "entry --nonsense x\n")):
    made = blocks(f"```{language}\n{text}```\n" if language else f"\n    {text}")
    result(len(made) == 1 and list(faults(made[0])), f"refused: {text.strip()}")
for link in ("(nonsense.md)", "(#nonsense)", "(docs/options.md#nonsense)", "[nonsense]"):
    result(list(dead(pathlib.Path("README.md"), f"# Sense\n[x]{link}\n")), f"refused: a link to {link[1:-1]}, as [x]{link}")
result(not list(dead(pathlib.Path("README.md"), "# Sense, or not\n[x](#sense-or-not)\n")), "a link to a heading")
marked = blocks("<!-- not run: why -->\n\n```yaml\na: b\n```\n")
result(len(marked) == 1 and marked[0].reason == "why", "a block that is marked is left out")

documents = output("git", "ls-files", "*.md").split()
for document in documents:
    for block in blocks(pathlib.Path(document).read_text()):
        wrong = list(faults(block))
        result(not wrong, f"{document}:{block.line}", wrong)
result("README.md" in documents, "README.md is among them")
for document in documents:
    wrong = list(dead(pathlib.Path(document), pathlib.Path(document).read_text()))
    result(not wrong, f"{document}: its links lead somewhere", wrong)
readme = pathlib.Path("README.md").read_text()
result(readme.count("\n") <= 150, "the README has 150 lines or fewer: the reference is in docs/")
# Pages that the README leads to, over other pages or directly.
reached, ahead = set(), ["README.md"]
while ahead:
    page = ahead.pop()
    if page in reached or page not in documents:
        continue
    reached.add(page)
    for link in links(pathlib.Path(page).read_text()):
        ahead.append(os.path.normpath(pathlib.Path(page).parent / link.partition("#")[0]))
TEMPLATES = ".github/ISSUE_TEMPLATE/"
missing = [document for document in documents if document not in reached and not document.startswith(TEMPLATES)]
result(not missing, "the README leads to every page", missing)
site = re.findall(r"^ +- (?:[\w ]+: )?(\S+\.md)$", pathlib.Path("mk/mkdocs.yml").read_text(), re.M)
own = [d for d in documents if not d.startswith((TEMPLATES, "examples/")) or d == "examples/README.md"]
result(sorted(site) == sorted(own), "mk/mkdocs.yml names every page", sorted(set(own) ^ set(site)))
done_testing()
