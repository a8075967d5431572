"""console.py SOCKET: an engine's end of --console-socket: receives the terminal, and prints what comes from it until it
is closed."""
import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
_, (terminal,), _, _ = socket.recv_fds(connection, 4096, 1)
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
