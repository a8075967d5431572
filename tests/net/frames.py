#!/usr/bin/env python3
"""Raw frames, of a guest that may send them and of one that may not.

frames.py send DEVICE MAC IP IP6        sends one frame of each kind through the device, and the last one last
frames.py hear DEVICE                   prints "ready", then the kinds that arrive there until the last one, sorted
frames.py answers DEVICE MAC RELAY IP   sends datagrams as a relay to IP at MAC, plain and with VLAN tags, and a last one
frames.py kinds good|bad                their names

Each frame carries the name of its kind behind what the protocols look at."""
import ipaddress
import select
import socket
import struct
import sys

MARK = b"kind="
ETH_IP, ETH_ARP, ETH_IP6 = 0x800, 0x806, 0x86DD
ROUTER = "fd77::1"
MORE = 0x2000  # fragments
ALERT = b"\x94\4\0\0"  # RFC 2113: routers are to look at the packet


def packed(address):
    return ipaddress.ip_address(address).packed


def mac_of(text):
    return bytes.fromhex(text.replace(":", ""))


class Maker:
    def __init__(self, mac, ip, ip6):
        self.mac, self.own, self.ip6 = mac_of(mac), ip, ip6

    def ether(self, kind, body, source=None, to=b"\xff" * 6):
        return to + (source or self.mac) + struct.pack("!H", kind) + body

    def ip(self, kind, body, source=None, to="192.0.2.1", options=b"", fragment=0):
        size = 20 + len(options)
        head = struct.pack("!BBHHHBBH4s4s", 0x40 + size // 4, 0, size + len(body) + 64, 0, fragment, 64, kind, 0,
                           packed(source or self.own), packed(to)) + options
        total = sum(struct.unpack(f"!{size // 2}H", head))
        total = (total & 0xffff) + (total >> 16)
        return head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:] + body

    def ip4(self, **more):
        return self.ip(17, struct.pack("!HHHH", 9, 9, 8 + 64, 0), **more)

    def error(self, kind, code, to):
        """ICMP, about a packet that went to that address."""
        return struct.pack("!BBHI", kind, code, 0, 0) + self.ip4(source="192.0.2.20", to=to)

    def error6(self, kind, to):
        return struct.pack("!BBHI", kind, 0, 0, 1280) + self.udp6(source=ROUTER, to=to)

    def fragment6(self, kind, body, at=0):
        return self.ipv6(struct.pack("!BBHI", kind, 0, at | 1, 7) + body, kind=44)

    def report(self, kind):
        return struct.pack("!BBHI", kind, 0, 0, 0)

    def ipv6(self, body, source=None, to=ROUTER, kind=17):
        return struct.pack("!IHBB16s16s", 6 << 28, len(body) + 64, kind, 255, packed(source or self.ip6),
                           packed(to)) + body

    def udp6(self, **more):
        return self.ipv6(struct.pack("!HHHH", 9, 9, 8 + 64, 0), **more)

    def arp(self, mac=None, ip=None, htype=1, target="192.0.2.1"):
        return struct.pack("!HHBBH6s4s6s4s", htype, ETH_IP, 6, 4, 2, mac or self.mac, packed(ip or self.own), b"\0" * 6,
                           packed(target))

    def nd(self, kind, target):
        return struct.pack("!BBHI16s", kind, 0, 0, 0, packed(target))

    def good(self):
        yield "ip4", self.ether(ETH_IP, self.ip4())
        yield "ip4-multicast", self.ether(ETH_IP, self.ip4(to="224.0.0.251"))
        yield "arp", self.ether(ETH_ARP, self.arp())
        yield "arp-probe", self.ether(ETH_ARP, self.arp(ip="0.0.0.0", target=self.own))
        yield "ip6", self.ether(ETH_IP6, self.udp6())
        yield "ip6-link", self.ether(ETH_IP6, self.udp6(to="fe80::1"))
        for i, to in enumerate(("64:ff9b::808:808", "2002:808:808::1", "64:ff9b:1::808:808", "64:ff9b:1:808:8:800::")):
            yield f"ip6-carried-{i}", self.ether(ETH_IP6, self.udp6(to=to))
        yield "dad", self.ether(ETH_IP6, self.ipv6(self.nd(135, self.ip6), source="::", kind=58))
        yield "advertisement", self.ether(ETH_IP6, self.ipv6(self.nd(136, self.ip6), kind=58))
        yield "solicitation", self.ether(ETH_IP6, self.ipv6(self.nd(135, ROUTER), kind=58))
        yield "report", self.ether(ETH_IP6, self.ipv6(bytes([58, 0, 5, 2, 0, 0, 1, 0]) + self.nd(143, "::"), kind=0))
        # As any container on the engine's network, it may be the DHCP server of its neighbours.
        yield "dhcp-server", self.ether(ETH_IP, self.ip(17, struct.pack("!HHHH", 67, 68, 8 + 64, 0), to="255.255.255.255"))
        yield "dhcp6-server", self.ether(ETH_IP6, self.ipv6(struct.pack("!HHHH", 547, 546, 8 + 64, 0), to="fe80::1"))
        for kind in (6, 50, 132, 136):
            yield f"ip4-{kind}", self.ether(ETH_IP, self.ip(kind, bytes(8)))
            yield f"ip6-{kind}", self.ether(ETH_IP6, self.ipv6(bytes(8), kind=kind))
        for kind in (0x12, 0x16, 0x17, 0x22):
            yield f"igmp-{kind}", self.ether(ETH_IP, self.ip(2, self.report(kind), to="224.0.0.22", options=ALERT))
        yield "igmp-plain", self.ether(ETH_IP, self.ip(2, self.report(0x16), to="224.0.0.22"))
        for kind in (0, 8):
            yield f"icmp-{kind}", self.ether(ETH_IP, self.ip(1, self.report(kind)))
            yield f"icmp-{kind}-first", self.ether(ETH_IP, self.ip(1, self.report(kind), fragment=MORE))
        yield "icmp-fragment", self.ether(ETH_IP, self.ip(1, self.report(3), fragment=9))
        for kind in (3, 11, 12):
            yield f"icmp-{kind}", self.ether(ETH_IP, self.ip(1, self.error(kind, 0, self.own)))
        for kind in (128, 129, 133):
            yield f"icmp6-{kind}", self.ether(ETH_IP6, self.ipv6(self.report(kind), kind=58))
        for kind in (1, 2, 3, 4):
            yield f"icmp6-{kind}", self.ether(ETH_IP6, self.ipv6(self.error6(kind, self.ip6), kind=58))
        yield "fragment6", self.ether(ETH_IP6, self.fragment6(17, bytes(8)))
        yield "fragment6-echo", self.ether(ETH_IP6, self.fragment6(58, self.report(128)))
        yield "fragment6-rest", self.ether(ETH_IP6, self.fragment6(58, self.report(136), at=8))

    def bad(self):
        stranger = mac_of("02:00:00:00:66:66")
        advert, router = self.nd(136, ROUTER), self.nd(134, ROUTER)
        yield "mac", self.ether(ETH_IP, self.ip4(), source=stranger)
        yield "mac-arp", self.ether(ETH_ARP, self.arp(), source=stranger)
        yield "mac-ip6", self.ether(ETH_IP6, self.udp6(), source=stranger)
        yield "ip4-source", self.ether(ETH_IP, self.ip4(source="192.0.2.20"))
        yield "ip4-none", self.ether(ETH_IP, self.ip4(source="0.0.0.0"))
        yield "ip4-loopback", self.ether(ETH_IP, self.ip4(source="127.0.0.1"))
        yield "ip6-source", self.ether(ETH_IP6, self.udp6(source="fd77::20"))
        yield "ip6-link-source", self.ether(ETH_IP6, self.udp6(source="fe80::66"))
        yield "arp-sender", self.ether(ETH_ARP, self.arp(ip="192.0.2.1"))
        yield "arp-mac", self.ether(ETH_ARP, self.arp(mac=stranger))
        yield "arp-hardware", self.ether(ETH_ARP, self.arp(htype=6))
        yield "na-target", self.ether(ETH_IP6, self.ipv6(advert, kind=58))
        yield "na-options", self.ether(ETH_IP6, self.ipv6(bytes([58, 0, 1, 4, 0, 0, 0, 0]) + advert, kind=60))
        yield "na-hop", self.ether(ETH_IP6, self.ipv6(bytes([58, 0, 1, 4, 0, 0, 0, 0]) + advert, kind=0))
        yield "na-hop-long", self.ether(ETH_IP6, self.ipv6(bytes([58, 1, 1, 12]) + bytes(12) + advert, kind=0))
        yield "na-hop-options", self.ether(ETH_IP6, self.ipv6(bytes([60, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0])
                                                             + advert, kind=0))
        yield "na-routing", self.ether(ETH_IP6, self.ipv6(bytes([58, 0, 4, 0, 0, 0, 0, 0]) + advert, kind=43))
        yield "router", self.ether(ETH_IP6, self.ipv6(router, kind=58))
        yield "redirect", self.ether(ETH_IP6, self.ipv6(self.nd(137, ROUTER), kind=58))
        yield "dad-of-another", self.ether(ETH_IP6, self.ipv6(self.nd(135, ROUTER), source="::", kind=58))
        yield "arp-probe-of-another", self.ether(ETH_ARP, self.arp(ip="0.0.0.0"))
        # Multicast routers, as a bridge that snoops believes them: queries, discovery (RFC 4286), PIM.
        yield "igmp-query", self.ether(ETH_IP, self.ip(2, self.report(0x11), to="224.0.0.1", options=ALERT))
        yield "igmp-query-plain", self.ether(ETH_IP, self.ip(2, self.report(0x11), to="224.0.0.1"))
        yield "igmp-router", self.ether(ETH_IP, self.ip(2, self.report(0x30), to="224.0.0.106", options=ALERT))
        yield "igmp-fragment", self.ether(ETH_IP, self.ip(2, self.report(0x16), to="224.0.0.22", fragment=MORE))
        yield "mld-query", self.ether(ETH_IP6, self.ipv6(self.nd(130, "::"), kind=58))
        yield "mld-query-options", self.ether(ETH_IP6, self.ipv6(bytes([58, 0, 5, 2, 0, 0, 1, 0]) + self.nd(130, "::"),
                                                                 kind=0))
        yield "mld-router", self.ether(ETH_IP6, self.ipv6(self.report(151), to="ff02::6a", kind=58))
        yield "icmp-router", self.ether(ETH_IP, self.ip(1, self.report(9)))  # RFC 1256
        # Tunnels, and routers' protocols (OSPF, PIM, VRRP).
        for kind in (4, 41, 47, 51, 89, 103, 112):
            yield f"ip4-{kind}", self.ether(ETH_IP, self.ip(kind, self.ip4()))
            yield f"ip6-{kind}", self.ether(ETH_IP6, self.ipv6(self.udp6(), kind=kind))
        for kind in (131, 137):
            route = bytes([kind, 7, 4]) + packed("169.254.169.254") + b"\0"
            yield f"source-route-{kind}", self.ether(ETH_IP, self.ip4(options=route))
        # About packets of others: they would believe it.
        yield "icmp-redirect", self.ether(ETH_IP, self.ip(1, self.error(5, 1, self.own)))
        for kind in (3, 11, 12):
            error = self.error(kind, 4, "198.51.100.2")
            yield f"icmp-{kind}-of-another", self.ether(ETH_IP, self.ip(1, error))
            yield f"icmp-{kind}-first", self.ether(ETH_IP, self.ip(1, error[:8], fragment=MORE))
        for kind in (1, 2, 3, 4):
            error = self.error6(kind, "2001:db8::2")
            yield f"icmp6-{kind}-of-another", self.ether(ETH_IP6, self.ipv6(error, kind=58))
            yield f"icmp6-{kind}-first", self.ether(ETH_IP6, self.fragment6(58, error[:8]))
        yield "na-fragment", self.ether(ETH_IP6, self.fragment6(58, advert))
        yield "router-fragment", self.ether(ETH_IP6, self.fragment6(58, router))
        yield "options-fragment", self.ether(ETH_IP6, self.fragment6(60, bytes([58, 0, 1, 4, 0, 0, 0, 0]) + router))
        yield "vlan", self.ether(0x8100, struct.pack("!HH", 5, ETH_IP) + self.ip4())
        yield "vlan-0", self.ether(0x8100, struct.pack("!HH", 0, ETH_IP) + self.ip4())
        yield "qinq", self.ether(0x88A8, struct.pack("!HHHH", 5, 0x8100, 5, ETH_IP) + self.ip4())
        yield "lldp", self.ether(0x88CC, b"\0\0")
        yield "spanning-tree", self.ether(64, b"\x42\x42\x03" + bytes(32), to=mac_of("01:80:c2:00:00:00"))
        for i, to in enumerate(("169.254.169.254", "168.63.129.16", "100.100.100.200", "127.0.0.1")):
            yield f"metadata-{i}", self.ether(ETH_IP, self.ip4(to=to))
        for i, to in enumerate(("fd00:ec2::254", "fe80::a9fe:a9fe", "64:ff9b::169.254.169.254", "::169.254.169.254",
                                "2002:a9fe:a9fe::1", "2002:a83f:8110::1", "2002:6464:64c8::1", "64:ff9b:1::a9fe:a9fe",
                                "64:ff9b:1:abcd:0:1:6464:64c8", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:aba9:fe:a9fe::",
                                "64:ff9b:1:abcd:a9:fea9:fe00:0")):
            yield f"metadata6-{i}", self.ether(ETH_IP6, self.udp6(to=to))


def marked(kind, frame):
    return frame + (MARK + kind.encode() + b";").ljust(64, b".")


def send(device, maker):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    for kind, frame in list(maker.bad()) + list(maker.good()):
        sock.send(marked(kind, frame))
    # Cut short: no room for a mark, so it must not confuse who reads it.
    for cut in range(15, 60, 4):
        sock.send(maker.ether(ETH_IP6, maker.udp6())[:cut])
        sock.send(maker.ether(ETH_ARP, maker.arp())[:cut])
        sock.send(maker.ether(ETH_IP, maker.ip4())[:cut])
    sock.send(marked("last", maker.ether(ETH_IP, maker.ip4())))


def hear(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((device, 0))
    heard = set()
    print("ready", flush=True)
    while "last" not in heard and select.select([sock], [], [], 10)[0]:
        frame = sock.recv(65536)
        at = frame.find(MARK)
        if at >= 0:
            heard.add(frame[at + len(MARK):].split(b";")[0].decode())
    print(*sorted(heard - {"last"}) if "last" in heard else ["the last one did not arrive"], flush=True)


def answers(device, mac, relay, to):
    """Linux takes off the tags of VLAN 0, however many."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    maker = Maker("02:00:00:00:00:66", relay, "::")
    start = mac_of(mac) + maker.mac
    for tags in ("", "81000000", "8100000081000000", "88a8000081000000"):
        for source, target in ((relay, to), (relay, "192.0.2.10"), ("192.0.2.20", to)):
            body = struct.pack("!H", ETH_IP) + maker.ip4(source=source, to=target)
            sock.send(marked(f"{source}>{target}", start + bytes.fromhex(tags) + body))
    sock.send(marked("last", start + struct.pack("!H", ETH_IP) + maker.ip4(source="192.0.2.20", to="192.0.2.10")))


def main():
    args = sys.argv[1:]
    if args[0] == "send":
        send(args[1], Maker(*args[2:5]))
    elif args[0] == "answers":
        answers(*args[1:])
    elif args[0] == "hear":
        hear(args[1])
    else:
        maker = Maker("02:00:00:00:00:01", "192.0.2.10", "fd77::10")
        print(*sorted(kind for kind, _ in getattr(maker, args[1])()))


main()
