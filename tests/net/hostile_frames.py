#!/usr/bin/env python3
"""A hostile guest's frames, and what is heard of them.

hostile_frames.py send KEY=VALUE...      reads lines "ATTACK WORD KEY=VALUE...", and sends these frames on eth0.  Attacks are in
                                 ATTACKS below.  Keys: mac, gateway (of the frames); src, dst, src6, dst6 (addresses);
                                 next6 (where a routing header leads; of a source route, dst is FIRST,NEXT); about
                                 (udp|echo,FROM,PORT,TO,PORT: the packet that an ICMP error quotes)
hostile_frames.py hear packets DEVICE    prints "ready", then the word in each frame that comes in through the device
hostile_frames.py hear sockets           the same for what the namespace takes for itself, whatever the protocol
"""
import re
import select
import socket
import struct
import sys
import time

UDP, TCP, ICMP, IGMP, IPIP, ROUTING, FRAGMENT, IPV6, GRE, ICMP6, OPTIONS, SCTP, UDPLITE = (
    17, 6, 1, 2, 4, 43, 44, 41, 47, 58, 60, 132, 136)
HOP_BY_HOP = 0
PORT = 7777


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pack(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ip4(src, dst, proto, data, fragment=0, options=b""):
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(data), 0x1234, fragment, 64,
                       proto, 0) + pack(src) + pack(dst) + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + data


def ip6(src, dst, following, data):
    return struct.pack(">IHBB", 0x60000000, len(data), following, 64) + pack(src) + pack(dst) + data


def with_sum(src, dst, proto, data, at):
    """data with the checksum over the pseudo-header too; dst is the last destination."""
    pseudo = pack(src) + pack(dst) + struct.pack(">II" if ":" in src else ">HH", *(
        (len(data), proto) if ":" in src else (proto, len(data))))
    return data[:at] + struct.pack(">H", checksum(pseudo + data) or 0xffff) + data[at + 2:]


def udp(src, dst, text, port=PORT, sport=4000):
    return with_sum(src, dst, UDP, struct.pack(">HHHH", sport, port, 8 + len(text), 0) + text, 6)


def tcp(src, dst, text):
    return with_sum(src, dst, TCP, struct.pack(">HHIIBBHHH", 4000, PORT, 1, 0, 0x50, 2, 1024, 0, 0) + text, 16)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def sctp(src, dst, text):
    """INIT (RFC 9260, 3.3.2), with the text as a parameter that nobody knows."""
    known = struct.pack(">IIHHI", 1, 65535, 1, 1, 1) + struct.pack(">HH", 0x8001, 4 + len(text)) + text
    chunk = struct.pack(">BBH", 1, 0, 4 + len(known)) + known
    chunk += b"\0" * (-len(chunk) % 4)
    head = struct.pack(">HHI", 4000, PORT, 0)
    return head + struct.pack("<I", crc32c(head + b"\0\0\0\0" + chunk)) + chunk


def udplite(src, dst, text):
    return with_sum(src, dst, UDPLITE, struct.pack(">HHHH", 4000, PORT, 0, 0) + text, 6)


def echo(src, dst, text, v4=(8, 0), v6=(128, 0)):
    if ":" in src:
        return with_sum(src, dst, ICMP6, struct.pack(">BBHHH", *v6, 0, 77, 1) + text, 2)
    data = struct.pack(">BBHHH", *v4, 0, 77, 1) + text
    return data[:2] + struct.pack(">H", checksum(data)) + data[4:]


def gre(src, dst, text):
    inner, kind = (ip6, 0x86dd) if ":" in src else (ip4, 0x0800)
    return struct.pack(">HH", 0, kind) + inner(src, dst, UDP, udp(src, dst, text))


def tunnel(src, dst, text):
    return (ip6 if ":" in src else ip4)(src, dst, UDP, udp(src, dst, text))


# What a packet may carry, by both families' numbers, in the order of the tests.
CARGO = {"udp": (UDP, UDP, udp), "tcp": (TCP, TCP, tcp), "echo": (ICMP, ICMP6, echo), "ipip": (IPIP, IPV6, tunnel),
         "gre": (GRE, GRE, gre), "sctp": (SCTP, SCTP, sctp), "udplite": (UDPLITE, UDPLITE, udplite)}


class Sender:
    def __init__(self, device, word, keys):
        self.text = f"word:{word};".encode()
        self.text += b"." * (-len(self.text) % 8)
        self.gateway = bytes.fromhex(keys["gateway"].replace(":", ""))
        self.own = bytes.fromhex(keys["mac"].replace(":", ""))
        self.src, self.dst = keys.get("src"), keys.get("dst")
        self.src6, self.dst6, self.next6 = keys.get("src6"), keys.get("dst6"), keys.get("next6")
        self.about = keys.get("about")
        self.socket = device

    def frame(self, packet, kind=None, to=None, tags=b""):
        kind = kind if kind is not None else 0x86dd if packet[0] >> 4 == 6 else 0x0800
        frame = (to or self.gateway) + self.own + tags + struct.pack(">H", kind) + packet
        self.socket.send(frame + b"\0" * (60 - len(frame)))

    def multicast(self):
        return b"\1\0\x5e" + pack(self.dst)[1:] if self.dst[0] == "2" and int(self.dst.split(".")[0]) < 240 \
            else b"\xff" * 6

    def udp4(self):
        return ip4(self.src, self.dst, UDP, udp(self.src, self.dst, self.text))

    # --- each a kind of attack ---
    def cargo(self, what):
        four, six, make = CARGO[what]
        if self.dst:
            self.frame(ip4(self.src, self.dst, four, make(self.src, self.dst, self.text)))
        if self.dst6:
            self.frame(ip6(self.src6, self.dst6, six, make(self.src6, self.dst6, self.text)))

    def fragments(self, cuts):
        """(from, to) in bytes of the datagram, in this order.  The word is in the last part, whole."""
        data = udp(self.src, self.dst, b"." * 24 + self.text)
        for begin, end in cuts:
            end = min(end, len(data))
            more = 0x2000 if end < len(data) else 0
            self.frame(ip4(self.src, self.dst, UDP, data[begin:end], begin // 8 | more))

    def extension(self, headers, what="udp"):
        """Headers before what is carried: (kind, octets that follow the next header's number)."""
        final = self.next6 if any(kind == ROUTING for kind, _ in headers) else self.dst6
        _, following, make = CARGO[what]
        data = make(self.src6, final, self.text)
        for kind, rest in reversed(headers):
            if kind == ROUTING:
                rest += pack(self.next6)
            data, following = bytes([following]) + rest + data, kind
        self.frame(ip6(self.src6, self.dst6, following, data))

    def fragments6(self, cuts):
        data = udp(self.src6, self.dst6, b"." * 24 + self.text)
        for begin, end in cuts:
            end = min(end, len(data))
            head = struct.pack(">BBHI", UDP, 0, begin | (end < len(data)), 0x5678)
            self.frame(ip6(self.src6, self.dst6, FRAGMENT, head + data[begin:end]))

    def source_route(self, kind):
        """dst is the guest's own gateway, and the one after it in the option (RFC 791, 3.1)."""
        first, last = self.dst.split(",")
        option = bytes([kind, 7, 4]) + pack(last) + b"\0"
        self.frame(ip4(self.src, first, UDP, udp(self.src, last, self.text), options=option))

    def quoted(self, kind, code, rest=0):
        """An ICMP error about a packet that dst is to believe it has sent."""
        proto, a, aport, b, bport = self.about.split(",")
        data = udp(a, b, b"?", int(bport), int(aport)) if proto == "udp" else echo(a, b, b"")
        four, six, _ = CARGO[proto]
        inner = ip6(a, b, six, data) if ":" in a else ip4(a, b, four, data)
        head = struct.pack(">BBHI", kind, code, 0, rest)
        if ":" in a:
            data = with_sum(self.src6, self.dst6, ICMP6, head + inner, 2)
            self.frame(ip6(self.src6, self.dst6, ICMP6, data))
        else:
            data = head + inner
            data = data[:2] + struct.pack(">H", checksum(data)) + data[4:]
            self.frame(ip4(self.src, self.dst, ICMP, data))


PAD = b"\0\1\4\0\0\0\0"  # an extension header's length of 0, and PadN
ALERT = b"\0\5\2\0\0\1\0"  # router alert (RFC 2711)
SEGMENTS = b"\4\4\1\1\0\0\0"  # two, and the second is to come (RFC 8754)
ATTACKS = {
    **{what: lambda s, what=what: s.cargo(what) for what in CARGO},
    "timestamp": lambda s: s.frame(ip4(s.src, s.dst, ICMP, echo(s.src, s.dst, s.text, v4=(13, 0)))),
    "listener": lambda s: s.frame(ip6(s.src6, s.dst6, ICMP6, echo(s.src6, s.dst6, s.text, v6=(131, 0)))),
    "igmp": lambda s: s.frame(ip4(s.src, s.dst, IGMP, s.text), to=s.multicast()),
    "multicast": lambda s: s.frame(s.udp4(), to=s.multicast()),
    "multicast6": lambda s: s.frame(ip6(s.src6, s.dst6, UDP, udp(s.src6, s.dst6, s.text)),
                                    to=b"\x33\x33" + pack(s.dst6)[12:]),
    "fragments": lambda s: s.fragments([(0, 16), (16, 9999)]),
    "tiny": lambda s: s.fragments([(0, 8), (8, 16), (16, 9999)]),
    "backwards": lambda s: s.fragments([(16, 9999), (0, 16)]),
    "overlapping": lambda s: s.fragments([(0, 24), (16, 9999)]),
    "headless": lambda s: s.fragments([(8, 9999)]),
    "fragments6": lambda s: s.fragments6([(0, 16), (16, 9999)]),
    "tiny6": lambda s: s.fragments6([(0, 8), (8, 16), (16, 9999)]),
    "atomic6": lambda s: s.fragments6([(0, 9999)]),
    "overlapping6": lambda s: s.fragments6([(0, 24), (16, 9999)]),
    "hop-by-hop": lambda s: s.extension([(HOP_BY_HOP, PAD)]),
    "alert": lambda s: s.extension([(HOP_BY_HOP, ALERT)]),
    "options": lambda s: s.extension([(OPTIONS, PAD)] * 3),
    "hop-by-hop-fragment": lambda s: s.extension([(HOP_BY_HOP, PAD), (FRAGMENT, b"\0\0\0\0\0\0\7")]),
    "routing-0": lambda s: s.extension([(ROUTING, b"\2\0\1\0\0\0\0")]),
    "routing-2": lambda s: s.extension([(ROUTING, b"\2\2\1\0\0\0\0")]),
    **{f"segments-{what}": lambda s, what=what: s.extension([(ROUTING, SEGMENTS + pack(s.next6))], what)
       for what in ("udp", "echo")},
    "loose-route": lambda s: s.source_route(131),
    "strict-route": lambda s: s.source_route(137),
    "vlan-0": lambda s: s.frame(s.udp4(), tags=b"\x81\0\0\0"),
    "vlan-5": lambda s: s.frame(s.udp4(), tags=b"\x81\0\0\5"),
    "vlan-0-5": lambda s: s.frame(s.udp4(), tags=b"\x88\xa8\0\0\x81\0\0\5"),
    "llc": lambda s: s.frame(b"\6\6\3" + s.udp4(), kind=3 + len(s.udp4())),
    "snap": lambda s: s.frame(b"\xaa\xaa\3\0\0\0\x08\0" + s.udp4(), kind=8 + len(s.udp4())),
    "other-family": lambda s: s.frame(s.udp4(), kind=0x86dd),
    "unreachable": lambda s: s.quoted(3, 3),
    "unreachable6": lambda s: s.quoted(1, 4),
    "too-big": lambda s: s.quoted(3, 4, 600),
    "too-big6": lambda s: s.quoted(2, 0, 1280),
}


def hear(sockets):
    print("ready", flush=True)
    while True:
        for s in select.select(sockets, [], [])[0]:
            data, sender = s.recvfrom(65536)
            if s.family == socket.AF_PACKET and sender[2] == socket.PACKET_OUTGOING:
                continue
            for word in re.findall(rb"word:([^;]*);", data):
                print(word.decode(), flush=True)


def main(argv):
    if argv[:2] == ["hear", "packets"]:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((argv[2], 3))
        hear([s])
    elif argv[:1] == ["hear"]:
        kinds = {(socket.AF_INET, four) for four, _, _ in CARGO.values()} | {(socket.AF_INET, IGMP)}
        kinds |= {(socket.AF_INET6, six) for _, six, _ in CARGO.values()}
        hear([socket.socket(family, socket.SOCK_RAW, proto) for family, proto in kinds])
    else:
        device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        device.bind(("eth0", 0))
        for attack, word, *keys in map(str.split, sys.stdin):
            ATTACKS[attack](Sender(device, word, dict(pair.split("=", 1) for pair in argv[1:] + keys)))
            time.sleep(0.001)  # a card's queue has an end


main(sys.argv[1:])
