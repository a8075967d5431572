#!/usr/bin/env python3
"""Who the processes of a VM are, what they may do, and what they have open: a line each, the descriptors below it.

processes.py ENTRY_PID [WORK_FOLDER]: what begins with the folder is told without it.  The order is fixed; numbers of
processes, descriptors, inodes and users are not told: a user is root, vmm (Firecracker's) or own (the next number)."""
import os
import re
import sys

entry, work = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None


def read(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as f:
        return f.read()


def status(pid):
    return dict(line.split(":\t", 1) for line in read(pid, "status").splitlines() if ":\t" in line)


def family(pid):
    """pid and all that descend from it."""
    parents = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents.setdefault(int(status(p)["PPid"]), []).append(int(p))
        except (OSError, KeyError):
            pass  # it has ended
    found, new = [], [pid]
    while new:
        found += new
        new = [c for p in new for c in parents.get(p, [])]
    return found


pids = family(entry)
names = {p: read(p, "comm").strip() for p in pids}
vmm = next(p for p in pids if names[p] == "firecracker")
names[int(status(vmm)["PPid"])] = "jail's first process"
names[entry] = "entry"
served = 0
for p in sorted(pids):
    if p != entry and names[p] == "entry":
        names[p] = f"disk server {served}"
        served += 1
base = int(status(vmm)["Uid"].split()[0])
users = {0: "root", base: "vmm", base + 1: "own"}


def sockets():
    """What each socket of this network namespace is, by its inode."""
    known = {}
    for kind in ("tcp", "udp", "tcp6", "udp6"):
        for line in read("self", f"net/{kind}").splitlines()[1:]:
            f = line.split()
            port = int(f[1].split(":")[1], 16)
            known[f[9]] = f"{kind} port {port if port < 32768 else 'of the kernel'}"
    for line in read("self", "net/unix").splitlines()[1:]:
        f = line.split()
        name = f[7] if len(f) > 7 else "nameless"
        for what, word in ((r"/proc/self/fd/\d+/", "run/"), (r"~[0-9a-f]{8}", "~MARK"), (r"/net/10\..*", "/net/SUBNET"), (r"/uid/\d+", "/uid/N"),
                           (r"[0-9a-f]{12}", "ID")):
            name = re.sub(what, word, name)
        known[f[6]] = f"UNIX socket {name}{', listening' if f[3] == '00010000' else ''}"
    return known


known = sockets()
ends = {}  # who has which ends of a pipe
for p in pids:
    for fd in os.listdir(f"/proc/{p}/fd"):
        target = os.readlink(f"/proc/{p}/fd/{fd}")
        if target.startswith("pipe:"):
            ends.setdefault((target, os.stat(f"/proc/{p}/fd/{fd}", follow_symlinks=False).st_mode & 0o200), set()).add(names[p])


def describe(pid, fd):
    path = f"/proc/{pid}/fd/{fd}"
    target, mode = os.readlink(path), os.stat(path, follow_symlinks=False).st_mode
    how = {0o400: "r", 0o200: "w", 0o600: "rw", 0: "path"}[mode & 0o600]
    if target.startswith("socket:["):
        return known.get(target[8:-1], "socket")
    if target.startswith("pipe:"):
        others = sorted(ends.get((target, 0 if mode & 0o200 else 0o200), {"nobody"} if int(fd) > 2 else {"outside"}))
        return f"pipe {'to' if mode & 0o200 else 'from'} {' and '.join(others)}"
    if target == "anon_inode:[pidfd]":
        who = re.search(r"^Pid:\s+(-?\d+)", read(pid, f"fdinfo/{fd}"), re.M)
        return f"pidfd of {names.get(int(who[1]), who[1])}"
    if work and target.startswith(work):
        target = re.sub(r"^/(jails/firecracker|scratch)/[0-9a-f]{12}", r"/\1/ID", target[len(work):])
        target = re.sub(r"#\d+ \(deleted\)|ctr-jailer-[^ ]* \(deleted\)", "FILE", target)
    target = re.sub(r"^/proc/\d+/", "/proc/VMM/", target)
    return target if target.startswith("anon_inode:") else f"{how} {target}"


for p in sorted(pids, key=lambda pid: names[pid]):
    s = status(p)
    caps = [s[c].lstrip("0") or "0" for c in ("CapPrm", "CapEff", "CapBnd")]
    caps = ["all" if int(c, 16) == int(status("self")["CapBnd"], 16) else c for c in caps]
    uids = {users.get(int(u), u) for u in s["Uid"].split()}
    print(f"{names[p]}: {'/'.join(sorted(uids))}, capabilities {' '.join(caps)}, no_new_privs {s['NoNewPrivs']}, seccomp {s['Seccomp']}")
    if names[p] != "firecracker":
        lines = [describe(p, fd) for fd in os.listdir(f"/proc/{p}/fd")]
        for line in sorted(set(lines)):
            print(f"    {line}{f' ({lines.count(line)})' if lines.count(line) > 1 else ''}")
