"""opentap.py NAME: a process that stays in the background has that TAP open, as its user, which Firecracker is too."""
import fcntl
import os
import signal
import struct
import sys

IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, TUNSETIFF = 0x2, 0x1000, 0x4000, 0x400454CA  # linux/if_tun.h
tap = os.open("/dev/net/tun", os.O_RDWR)
owner, group = (int(open(f"/sys/class/net/{sys.argv[1]}/{name}").read()) for name in ("owner", "group"))
os.setgid(group)
os.setuid(owner)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
if os.fork() == 0:
    signal.pause()
