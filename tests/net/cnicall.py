#!/usr/bin/python3
"""cnicall.py COMMAND CONFLIST RESULT: a container runtime's part of CNI: calls each plugin of the list with the result of
the one before, DEL in reverse.  RESULT keeps the last result, as the specification wants it.  The variables are the
caller's (CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_ARGS, CNI_PATH).  Prints the result, or a plugin's error."""
import json
import os
import subprocess
import sys

command, conflist, kept = sys.argv[1:]
with open(conflist, encoding="utf-8") as f:
    network = json.load(f)
result = None
if command != "ADD" and os.path.exists(kept):
    with open(kept, encoding="utf-8") as f:
        result = json.load(f)
for plugin in reversed(network["plugins"]) if command == "DEL" else network["plugins"]:
    config = dict(plugin, cniVersion=network["cniVersion"], name=network["name"])
    if result:
        config["prevResult"] = result
    path = next(p for d in os.environ["CNI_PATH"].split(":") if os.path.exists(p := f"{d}/{plugin['type']}"))
    done = subprocess.run([path], input=json.dumps(config), env=dict(os.environ, CNI_COMMAND=command), text=True,
                          stdout=subprocess.PIPE, check=False)
    if done.returncode:
        print(done.stdout)
        sys.exit(1)
    if command == "ADD":
        result = json.loads(done.stdout)
if command == "ADD":
    with open(kept, "w", encoding="utf-8") as f:
        json.dump(result, f)
    print(json.dumps(result))
