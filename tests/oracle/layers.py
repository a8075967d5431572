#!/usr/bin/env python3
"""Layouts with layers that no tool makes: layers.py OUTSIDE makes them in the current directory."""
import io
import os
import pathlib
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from layout import layout  # noqa: E402

OUTSIDE = sys.argv[1]


def member(name, data=b"", **fields):
    m = tarfile.TarInfo(name)
    m.size = len(data)
    for key, value in fields.items():
        setattr(m, key, value)
    return m, data


def folder(name):
    return member(name, type=tarfile.DIRTYPE, mode=0o755)


def link(name, target, kind=tarfile.SYMTYPE):
    return member(name, type=kind, linkname=target)


def archive(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for m, data in members:
            tar.addfile(m, io.BytesIO(data))
    return out.getvalue()


out = link("out", OUTSIDE)
plain = archive(member("file", b"x"))
layout("dotdot", archive(member(f"a/../../..{OUTSIDE}/file", b"bad")))
layout("hardlink-dotdot", archive(link("file", f"../../..{OUTSIDE}/file", tarfile.LNKTYPE)))
layout("hardlink-absolute", archive(link("file", f"{OUTSIDE}/file", tarfile.LNKTYPE)))
layout("own-link", archive(out, member("out/file", b"bad")))
layout("own-link-above", plain, archive(member("d/x"), link("d/out", OUTSIDE), member("d/out/file", b"bad")))
layout("whiteout-dotdot", archive(folder("d")), archive(member("d/.wh...")))
layout("whiteout-dot", archive(folder("d")), archive(member("d/.wh..")))
layout("whiteout-empty", archive(folder("d")), archive(member("d/.wh.")))
layout("short", archive(member("file", b"x" * 100000))[:50000])
layout("noise", b"\xff" * 4096)
layout("machine", plain, machine="s390x")
layout("config", plain, config={"Env": [1]})
layout("digest", plain, damage=True)
os.makedirs("empty")
layout("absolute", archive(out, member(f"{OUTSIDE}/file", b"inside")))
layout("whiteouts", archive(folder("d"), member("d/old"), folder("d/deep"), member("d/deep/old"), member(".wh.none")),
       archive(folder("d"), member("d/before"), member("d/.wh..wh..opq"), member("d/after"), member("none/.wh.x")))
# What each layer has, for the kernel's overlayfs to say what they make: files below links and files of other layers.
hiding = [
    archive(folder("usr"), folder("usr/lib"), member("usr/lib/old", b"old"), link("lib", "usr/lib"), link("out", OUTSIDE),
            link("wiped", "usr/lib"), link("self", "self"), link("dir", "usr"), member("plain", b"plain"),
            link("a", "usr"), folder("real"), link("real/in", "../usr"), link("kept", "usr/lib")),
    archive(member("lib/new", b"new"), member("out/file", b"inside"), member("wiped/.wh.old"), member("self/x/y", b"y"),
            member("dir/.wh..wh..opq"), member("dir/lib/x", b"x"), member("plain/below/f", b"f"), folder("a"), member("a/b", b"b"),
            member("real/in/deep/er", b"e"), link("hard", "lib/new", tarfile.LNKTYPE)),
    archive(link("lib", "real"), member("out/second", b"2"), member("lib2/x", b"x"), member(".wh.self")),
    archive(member("lib/third", b"3"), folder("self"), member("self/again", b"a")),
]
layout("hiding", *hiding)
for i, layer in enumerate(hiding):
    pathlib.Path(f"hiding.{i}.tar").write_bytes(layer)
deep = "d/" * 1500
layout("deep", archive(member(deep + "file")), archive(member(".wh.d"), member("file")))
layout("attributes", archive(member("file", pax_headers={"SCHILY.xattr.user.a": "b", "SCHILY.xattr.trusted.a": "b",
                                                         "SCHILY.xattr.security.selinux": "b"})))
