#!/usr/bin/env python3
"""Includes go one way: common <- {rootdisk, netsetup, guest-init, entry, ctl}; entry -> rootdisk, netsetup."""
import pathlib
import re

ALLOWED = {
    "common": {"common"},
    "rootdisk": {"rootdisk", "common"},
    "netsetup": {"netsetup", "common"},
    "guest-init": {"guest-init", "common"},
    "ctl": {"ctl", "common"},
    "entry": {"entry", "rootdisk", "netsetup", "common"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"', re.M)


def wrong(folder, source):
    """The includes of a source file in this folder that may not be there, with the reason."""
    for target in INCLUDE.findall(source):
        owner = target.split("/")[0] if "/" in target else None
        if owner is None or ".." in target:
            yield f'"{target}": say it from the top folder ("{folder}/{target}")'
        elif owner not in ALLOWED[folder]:
            yield f'"{target}": {folder} may include only from {", ".join(sorted(ALLOWED[folder]))}'


count = 0


def result(good, name, why=()):
    global count
    count += 1
    for line in why:
        print(f"# {line}")
    print(f"{'ok' if good else 'not ok'} {count} - {name}")


# The test itself can fail: one made-up source for every rule.
for folder, source in (("common", '#include "entry/plan.h"'), ("guest-init", '#include "rootdisk/layout.h"'),
                       ("rootdisk", '# include "netsetup/nl.h"'), ("netsetup", '#include "entry/err.h"'),
                       ("ctl", '#include "entry/channel.h"'), ("entry", '#include "guest-init/mounts.h"'),
                       ("entry", '#include "plan.h"'), ("entry", '#include "entry/../ctl/ctl.h"')):
    result(list(wrong(folder, source)), f"in {folder}/, {source} is refused")
result(not list(wrong("entry", '#include "netsetup/nat.h"\n#include <curl/curl.h>\n// #include "x.h"')),
       "in entry/, netsetup/nat.h is allowed")

for folder in ALLOWED:
    faults = [f"{path}: {fault}" for path in sorted(pathlib.Path(folder).glob("*.[ch]"))
              for fault in wrong(folder, path.read_text())]
    result(not faults, f"includes of {folder}/", faults)
print(f"1..{count}")
