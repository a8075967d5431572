"""deaf.py SOCKET: a guest's init (common/proto.h) that says that its command has started and then, once there is a line
on stdin, asks for the time without reading an answer, until the host has dropped some."""
import socket
import struct
import sys

STARTED, CLOCK = 1, 5
ANSWER = 29  # bytes
WAITING = 4 << 20  # bytes of answers: more than what waits at the host, and in the socket


def connect(kind):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(b"cj" + struct.pack("<BBI", 2, kind, 0))
    return s


def message(kind, *fields):
    return struct.pack(f"<IB{len(fields)}I", 4 * len(fields), kind, *fields)


control, *streams = [connect(kind) for kind in range(4)]
control.sendall(message(STARTED, 0, 1, 1, 1))
print("started", flush=True)
sys.stdin.readline()
for _ in range(WAITING // ANSWER):
    control.sendall(message(CLOCK, 0, 1, 0))
print("full", flush=True)
sys.stdin.read()
