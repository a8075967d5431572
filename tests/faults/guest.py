"""guest.py SOCKET VERSION OUT: the first connection of a guest's init, as common/proto.h describes it.

Says hello as that version, and waits for the host's first message.  Prints its type and what follows it until the host
is silent; the strings of PROTO_SETTINGS go to OUT as they are.  Then a second control connection is tried."""
import socket
import struct
import sys
import time

path, version, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
SETTINGS = 70


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    s.sendall(b"cj" + struct.pack("<BBI", version, 0, 0))
    return s


before = time.time_ns()
control = connect()
stream = control.makefile("rb")
while True:
    try:
        head = stream.read(5)
    except socket.timeout:
        break
    if len(head) < 5:
        print("closed")
        sys.exit()
    length, kind = struct.unpack("<IB", head)
    payload = stream.read(length)
    if kind == SETTINGS:
        seconds, ns = struct.unpack("<QI", payload[:12])
        told = seconds * 10**9 + ns
        print("settings", "timely" if before <= told <= time.time_ns() else f"of {told}")
        with open(out, "wb") as f:
            f.write(payload[12:])
        control.settimeout(1)
    else:
        print("message", kind, *struct.unpack(f"<{length // 4}I", payload[:length // 4 * 4]))
        break
print("another", "closed" if connect().recv(1) == b"" else "answered")
