#!/usr/bin/env python3
"""Includes go one way: between the top folders, between the rooms of entry, and between the files of a folder."""
import graphlib
import pathlib
import re
import sys

sys.path.insert(0, "tests/lib")
from tap import done_testing, result  # noqa: E402

# What a folder may include from, besides itself.
ALLOWED = {
    "common": set(),
    "rootdisk": {"common"},
    "netsetup": {"common"},
    "share": {"common"},
    "guest-init": {"common"},
    "ctl": {"common", "store", "cni"},
    "store": {"common"},
    "cni": {"netsetup", "common"},
    "oci": {"common"},
    "entry": {"rootdisk", "share", "netsetup", "common"},
}
# The same for the rooms of entry.  The files beside the rooms (main.c, stages.c, purge.c) may include from all of them;
# disks and vmm do not know each other; plan takes from the others their plans, and asks kvm.
ROOMS = {
    "plan": {"disks", "host", "kvm", "life", "vmm"},
    "disks": {"host"},
    "vmm": {"host"},
    "life": {"host", "vmm"},
    "host": set(),
    "kvm": set(),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"', re.M)


def wrong(path, source):
    """The includes of a source file at this path that may not be there, with the reason."""
    folder, *rest = path.split("/")
    room = rest[0] if folder == "entry" and len(rest) == 2 else None
    for target in INCLUDE.findall(source):
        owner, *inner = target.split("/")
        if not inner or ".." in target:
            yield f'"{target}": say it from the top folder ("{path.rsplit("/", 1)[0]}/{target}")'
        elif owner != folder and owner not in ALLOWED[folder]:
            yield f'"{target}": {folder} may include only from {", ".join(sorted(ALLOWED[folder]))}'
        elif room and owner == "entry" and inner[0] != room and inner[0] not in ROOMS[room]:
            yield f'"{target}": entry/{room} may include only from {", ".join(sorted(ROOMS[room])) or "itself"}'


def circle(sources):
    """The parts (a.c and a.h are one) of a circle in the includes of these sources (path: text); or nothing."""
    above = {}
    for path, text in sources.items():
        part = path.rpartition(".")[0]
        above.setdefault(part, set()).update({t.rpartition(".")[0] for t in INCLUDE.findall(text)} - {part})
    try:
        graphlib.TopologicalSorter(above).prepare()
    except graphlib.CycleError as e:
        return e.args[1]
    return []


# The test itself can fail: one made-up source for every rule.
for path, source in (("common/a.c", '#include "entry/plan/plan.h"'), ("guest-init/a.c", '#include "rootdisk/layout.h"'),
                     ("rootdisk/a.c", '# include "netsetup/nl.h"'), ("netsetup/a.c", '#include "entry/err.h"'),
                     ("ctl/a.c", '#include "entry/life/channel.h"'), ("store/a.c", '#include "ctl/ctl.h"'), ("entry/main.c", '#include "guest-init/mounts.h"'),
                     ("entry/main.c", '#include "main.h"'), ("entry/main.c", '#include "entry/../ctl/ctl.h"'),
                     ("entry/host/a.h", '#include "entry/plan/plan.h"'), ("entry/vmm/a.c", '#include "entry/disks/a.h"'),
                     ("entry/disks/a.c", '#include "entry/vmm/a.h"'), ("entry/life/a.c", '#include "entry/plan/a.h"'),
                     ("entry/kvm/a.c", '#include "entry/host/a.h"')):
    result(list(wrong(path, source)), f"in {path}, {source} is refused")
for path, source in (("entry/main.c", '#include "netsetup/nat.h"\n#include <fuse.h>\n// #include "x.h"'),
                     ("entry/main.c", '#include "entry/life/channel.h"'), ("entry/life/a.c", '#include "entry/vmm/a.h"')):
    result(not list(wrong(path, source)), f"in {path}, {source.splitlines()[0]} is allowed")

for folder in ALLOWED:
    paths = sorted(p for p in pathlib.Path(folder).glob("**/*.[ch]"))
    faults = [f"{p}: {fault}" for p in paths for fault in wrong(str(p), p.read_text())]
    result(paths and not faults, f"includes of {folder}/", faults)
a = {"netsetup/a.c": "", "netsetup/a.h": '#include "netsetup/b.h"', "netsetup/b.h": ""}
result(not circle(a), "a.h above b.h is no circle")
result(circle(a | {"netsetup/b.c": '#include "netsetup/a.h"'}), "a.h above b.h above a.c is a circle")
for folder in sorted({str(p.parent) for top in ALLOWED for p in pathlib.Path(top).glob("**/*.[ch]")}):
    found = circle({str(p): p.read_text() for p in pathlib.Path(folder).glob("*.[ch]")})
    result(not found, f"no circle in {folder}/", [" <- ".join(found)] if found else [])
sent = set(re.findall(r"^!([\w-]+)$", pathlib.Path(".dockerignore").read_text(), re.M))
result(set(ALLOWED) <= sent, "every folder is sent to docker build", sorted(set(ALLOWED) - sent))
rooms = {p.name for p in pathlib.Path("entry").iterdir() if p.is_dir()}
result(rooms == set(ROOMS), "every room of entry is known here", sorted(rooms ^ set(ROOMS)))
done_testing()
