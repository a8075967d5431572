#!/usr/bin/env python3
"""hostile.py FOLDER LOG: plays entry for ctr-jailer, with a guest whose every word would steer a terminal.

It writes down who asks: what ctr-jailer may still do when its request comes, which is before it reads anything."""
import array
import os
import socket
import struct
import sys

STARTED, EXITED, END, EXEC, STATUS, LOGS, STOP, HEALTH, METRICS, TEXT, STREAM = 1, 2, 4, 67, 96, 97, 98, 99, 100, 112, 113
LINES = struct.pack("<I", 1)  # what PROTO_STATUS asks for
STEERS = b"\x1b]0;taken\x07 \x9b31m \xc2\x9b31m \xe2\x80\xae end\n"
NAMES = {EXEC: "exec", STATUS: "status", LOGS: "logs", STOP: "stop", HEALTH: "health", METRICS: "metrics"}
KINDS = {b"kind": 11, b"link-kind": 11, b"pack": 0, b"unpack": 0}  # code: PROTO_COPY_FILE

folder, log = sys.argv[1], open(sys.argv[2], "w", buffering=1, encoding="ascii")
os.makedirs(folder, 0o700)
listener = socket.socket(socket.AF_UNIX)
listener.bind(folder + "/control")
listener.listen()
log.write("listens\n")


def put(client, kind, *fields, data=b"", fd=None):
    payload = b"".join(struct.pack("<I", f) for f in fields) + data
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    client.sendmsg([struct.pack("<IB", len(payload), kind) + payload], rights)


def take(client, size):
    got = b""
    while len(got) < size:
        more = client.recv(size - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def write_down(client, what):
    pid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        s = dict(line.split(":\t", 1) for line in f.read().splitlines())
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    foreign = ", a descriptor of a stranger's" if "/etc/passwd" in links else ""
    log.write(f"{what}: capabilities {int(s['CapEff'], 16):x} {int(s['CapBnd'], 16):x}, no_new_privs {s['NoNewPrivs']}, seccomp {s['Seccomp']}{foreign}\n")


def run(client, payload):
    argv = payload[24:].split(b"\0")[2:]
    for kind in (2, 3):
        ours, theirs = socket.socketpair()
        ours.sendall(STEERS)
        put(client, STREAM, kind, fd=theirs.fileno())
        put(client, END, 0, kind, len(STEERS), 0)
        theirs.close()
        ours.close()
    put(client, STARTED, 0, 1, 1, 1)
    put(client, EXITED, 0, KINDS.get(argv[0], 0), 0)


while True:
    connection, _ = listener.accept()
    try:
        while True:
            length, kind = struct.unpack("<IB", take(connection, 5))
            body = take(connection, length)
            if kind in NAMES:
                what = NAMES[kind] + (" " + body[24:].split(b"\0")[2].decode() if kind == EXEC else "")
                write_down(connection, what)
            if kind == EXEC:
                run(connection, body)
            elif kind == HEALTH:
                put(connection, TEXT, data=b"running\0check\0")
            elif kind == STATUS and body == LINES:
                put(connection, TEXT, data=b"state: {{{,,," + STEERS.rstrip())
            elif kind == STATUS:
                put(connection, TEXT, data=b'{"state":"' + STEERS.rstrip() + b'"}')
            elif kind in NAMES:
                put(connection, TEXT, data=STEERS)
                if kind == STOP:
                    connection.close()
                    break
    except (EOFError, ConnectionError):
        connection.close()
