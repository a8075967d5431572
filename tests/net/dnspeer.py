#!/usr/bin/env python3
"""Both ends of DNS, for the relay's tests.

dnspeer.py serve TAG ADDRESS [port=53] [device=] [delay=0] [rcode=0] [silent=] [forge=]
    a resolver, UDP and TCP; answers each question with a TXT record "TAG <the asker's address>", after a delay in
    seconds.  A name that begins with a number has an answer of that many bytes, cut off where the asker has no room.
    forge: sends answers with another id, another question, and a query's flags first.  Prints "ready".
dnspeer.py ask udp|tcp ADDRESS [port=53] [name=a.test] [source=] [room=0]
    prints what it was told, "rcode N", or "truncated"; exit 1 when nothing comes within 2 seconds
dnspeer.py many ADDRESS COUNT [rate=0] [window=0] [port=53] [patience=2]
    COUNT queries, `rate` a second or all at once, at most `window` under way; prints how many were answered,
    refused with SERVFAIL, and lost
dnspeer.py hush ADDRESS COUNT [half=] [port=53]
    opens TCP connections, says nothing (or half a query), prints "ready", and keeps them
"""
import ctypes
import heapq
import random
import select
import selectors
import signal
import socket
import struct
import sys
import time

HEADER = struct.Struct(">HHHHHH")
QUERY, RESPONSE, TRUNCATED, RECURSION = 0, 0x8000, 0x0200, 0x0100
TXT, OPT, IN = 16, 41, 1


def name_bytes(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def question_end(message):
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


def make_query(ident, name, room=0):
    extra = struct.pack(">BHHIH", 0, OPT, room, 0, 0) if room else b""
    return (HEADER.pack(ident, QUERY | RECURSION, 1, 0, 0, int(room > 0)) + name_bytes(name)
            + struct.pack(">HH", TXT, IN) + extra)


def txt(text):
    strings = b"".join(bytes([len(text[i:i + 255])]) + text[i:i + 255] for i in range(0, len(text), 255))
    return struct.pack(">HHHIH", 0xc00c, TXT, IN, 0, len(strings)) + strings


def read_answer(message):
    flags, answers = HEADER.unpack_from(message)[1::2][:2]
    if flags & 15:
        return f"rcode {flags & 15}"
    if flags & TRUNCATED:
        return "truncated"
    at = question_end(message) + 12
    text = b""
    while at < len(message) and answers:
        text += message[at + 1:at + 1 + message[at]]
        at += message[at] + 1
    return text.decode()


def receive(stream):
    heard = b""
    while more := stream.recv(65535):
        heard += more
        if len(heard) >= 2 and len(heard) == 2 + int.from_bytes(heard[:2], "big"):
            break
    return heard[2:]


class Server:
    def __init__(self, tag, address, port="53", device="", delay="0", rcode="0", silent="", forge=""):
        self.tag, self.delay, self.rcode, self.silent, self.forge = tag, float(delay), int(rcode), silent, forge
        self.waiting = []  # (when, number, how to send, answer)
        self.number = 0
        self.selector = selectors.DefaultSelector()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if kind == socket.SOCK_DGRAM:
                s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
            if device:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            s.bind((address, int(port)))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ, self.datagram if kind == socket.SOCK_DGRAM else self.accept)

    def answers(self, query, asker, room):
        end = question_end(query)
        first = query[13:13 + query[12]].decode()
        text = f"{self.tag} {asker}".encode()
        if first[0].isdigit():
            text = text.ljust(int(first.rstrip("abcdefghijklmnopqrstuvwxyz")), b".")
        record = txt(text)
        flags, count = RESPONSE | RECURSION | self.rcode, 1
        if end + len(record) > room or self.rcode:
            flags, count, record = flags | (0 if self.rcode else TRUNCATED), 0, b""
        ident = HEADER.unpack_from(query)[0]
        good = HEADER.pack(ident, flags, 1, count, 0, 0) + query[12:end] + record
        if self.forge:
            bad = txt(b"forged")
            for other in range(1, 5):
                yield HEADER.pack(ident ^ other, flags, 1, 1, 0, 0) + query[12:end] + bad
            yield HEADER.pack(ident, flags, 1, 1, 0, 0) + name_bytes("other.test") + query[end - 4:end] + bad
            yield HEADER.pack(ident, flags & ~RESPONSE, 1, 1, 0, 0) + query[12:end] + bad
            yield good[:11]
        yield good

    def later(self, send, answers):
        for answer in () if self.silent else answers:
            self.number += 1
            heapq.heappush(self.waiting, (time.monotonic() + self.delay, self.number, send, answer))

    def datagram(self, s):
        for _ in range(100):
            try:
                query, asker = s.recvfrom(65535)
            except BlockingIOError:
                return
            if len(query) < 17:
                continue
            room = struct.unpack_from(">H", query, question_end(query) + 3)[0] if len(query) > question_end(query) else 512
            self.later(lambda answer, asker=asker: s.sendto(answer, asker), self.answers(query, asker[0], room))

    def accept(self, s):
        stream, asker = s.accept()
        stream.setblocking(False)
        heard = bytearray()
        self.selector.register(stream, selectors.EVENT_READ, lambda s: self.stream(s, asker[0], heard))

    def stream(self, s, asker, heard):
        try:
            more = s.recv(65535)
        except OSError:
            more = b""
        heard += more
        if not more:
            self.selector.unregister(s)  # and closed once nothing is to be sent
        while len(heard) > 2 and len(heard) >= 2 + int.from_bytes(heard[:2], "big"):
            end = 2 + int.from_bytes(heard[:2], "big")
            query = bytes(heard[2:end])
            del heard[:end]
            self.later(lambda answer: self.send(s, answer), self.answers(query, asker, 65535))

    @staticmethod
    def send(s, answer):
        s.settimeout(5)
        s.sendall(len(answer).to_bytes(2, "big") + answer)
        s.setblocking(False)

    def run(self):
        print("ready", flush=True)
        while True:
            wait = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            for key, _ in self.selector.select(wait):
                key.data(key.fileobj)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, send, answer = heapq.heappop(self.waiting)
                try:
                    send(answer)
                except OSError:
                    pass  # the asker has gone


def ask(proto, address, port="53", name="a.test", source="", room="0"):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                      socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    s.settimeout(2)
    if source:
        s.bind((source, 0))
    query = make_query(random.randrange(65536), name, int(room))
    try:
        s.connect((address, int(port)))
        if proto == "udp":
            s.send(query)
            answer = s.recv(65535)
        else:
            s.sendall(len(query).to_bytes(2, "big") + query)
            s.shutdown(socket.SHUT_WR)
            answer = receive(s)
    except OSError:
        sys.exit(1)
    if len(answer) < 12 or answer[:2] != query[:2] or answer[12:question_end(query)] != query[12:question_end(query)]:
        sys.exit(f"an answer to something else: {answer}")
    told = read_answer(answer)
    print(told if len(told) < 100 else f"{told.rstrip('.')} and {len(told)} bytes in all")


def many(address, count, rate="0", window="0", port="53", patience="2"):
    count, rate, window, patience = int(count), float(rate), int(window), float(patience)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
    s.connect((address, int(port)))
    pending, results, sent = {}, {"answered": 0, "servfail": 0}, 0
    begun = time.monotonic()
    while sent < count or pending:
        now = time.monotonic()
        due = min(count, int((now - begun) * rate)) if rate else count
        wait = patience if sent == count or window and len(pending) >= window else 0.001
        if sent < due and wait < patience:
            query = make_query(sent % 65536, f"q{sent}.test")
            pending[query[:2]] = query[12:]
            s.send(query)
            sent += 1
            wait = 0
        if not select.select([s], [], [], wait)[0]:
            if wait == patience:
                break
            continue
        answer = s.recv(65535)
        if pending.pop(answer[:2], None) != answer[12:question_end(answer)]:
            sys.exit(f"an answer to something else: {answer}")
        results["servfail" if read_answer(answer) == "rcode 2" else "answered"] += 1
    print(f"{results['answered']} answered, {results['servfail']} refused, {len(pending)} lost")


def hush(address, count, half="", port="53"):
    streams = [socket.create_connection((address, int(port)), 2) for _ in range(int(count))]
    for s in streams:
        if half:
            s.sendall(b"\0\x40half")
    print("ready", flush=True)
    while True:
        signal.pause()


def main():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    command, *words = sys.argv[1:]
    options = dict(w.split("=", 1) for w in words if "=" in w)
    arguments = [w for w in words if "=" not in w]
    if command == "serve":
        Server(*arguments, **options).run()
    {"ask": ask, "many": many, "hush": hush}[command](*arguments, **options)


main()
