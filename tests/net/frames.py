#!/usr/bin/env python3
"""Raw frames, of a guest that may send them and of one that may not.

frames.py send DEVICE MAC IP IP6        sends one frame of each kind through the device, and the last one last
frames.py hear DEVICE                   prints "ready", then the kinds that arrive there until the last one, sorted
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


def packed(address):
    return ipaddress.ip_address(address).packed


def mac_of(text):
    return bytes.fromhex(text.replace(":", ""))


class Maker:
    def __init__(self, mac, ip, ip6):
        self.mac, self.ip, self.ip6 = mac_of(mac), ip, ip6

    def ether(self, kind, body, source=None, to=b"\xff" * 6):
        return to + (source or self.mac) + struct.pack("!H", kind) + body

    def ip4(self, source=None, to="192.0.2.1"):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + 8 + 64, 0, 0, 64, 17, 0, packed(source or self.ip),
                           packed(to)) + struct.pack("!HHHH", 9, 9, 8 + 64, 0)

    def ipv6(self, body, source=None, to=ROUTER, kind=17):
        return struct.pack("!IHBB16s16s", 6 << 28, len(body) + 64, kind, 255, packed(source or self.ip6),
                           packed(to)) + body

    def udp6(self, **more):
        return self.ipv6(struct.pack("!HHHH", 9, 9, 8 + 64, 0), **more)

    def arp(self, mac=None, ip=None, htype=1):
        return struct.pack("!HHBBH6s4s6s4s", htype, ETH_IP, 6, 4, 2, mac or self.mac, packed(ip or self.ip), b"\0" * 6,
                           packed("192.0.2.1"))

    def nd(self, kind, target):
        return struct.pack("!BBHI16s", kind, 0, 0, 0, packed(target))

    def good(self):
        yield "ip4", self.ether(ETH_IP, self.ip4())
        yield "ip4-multicast", self.ether(ETH_IP, self.ip4(to="224.0.0.251"))
        yield "arp", self.ether(ETH_ARP, self.arp())
        yield "arp-probe", self.ether(ETH_ARP, self.arp(ip="0.0.0.0"))
        yield "ip6", self.ether(ETH_IP6, self.udp6())
        yield "ip6-link", self.ether(ETH_IP6, self.udp6(to="fe80::1"))
        yield "dad", self.ether(ETH_IP6, self.ipv6(self.nd(135, self.ip6), source="::", kind=58))
        yield "advertisement", self.ether(ETH_IP6, self.ipv6(self.nd(136, self.ip6), kind=58))
        yield "solicitation", self.ether(ETH_IP6, self.ipv6(self.nd(135, ROUTER), kind=58))
        yield "report", self.ether(ETH_IP6, self.ipv6(bytes([58, 0, 5, 2, 0, 0, 1, 0]) + self.nd(143, "::"), kind=0))

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
        yield "vlan", self.ether(0x8100, struct.pack("!HH", 5, ETH_IP) + self.ip4())
        yield "vlan-0", self.ether(0x8100, struct.pack("!HH", 0, ETH_IP) + self.ip4())
        yield "qinq", self.ether(0x88A8, struct.pack("!HHHH", 5, 0x8100, 5, ETH_IP) + self.ip4())
        yield "lldp", self.ether(0x88CC, b"\0\0")
        yield "spanning-tree", self.ether(64, b"\x42\x42\x03" + bytes(32), to=mac_of("01:80:c2:00:00:00"))
        for i, to in enumerate(("169.254.169.254", "168.63.129.16", "100.100.100.200", "127.0.0.1")):
            yield f"metadata-{i}", self.ether(ETH_IP, self.ip4(to=to))
        for i, to in enumerate(("fd00:ec2::254", "fe80::a9fe:a9fe", "64:ff9b::169.254.169.254")):
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


def main():
    args = sys.argv[1:]
    if args[0] == "send":
        send(args[1], Maker(*args[2:5]))
    elif args[0] == "hear":
        hear(args[1])
    else:
        maker = Maker("02:00:00:00:00:01", "192.0.2.10", "fd77::10")
        print(*sorted(kind for kind, _ in getattr(maker, args[1])()))


main()
