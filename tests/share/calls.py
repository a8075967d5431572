#!/usr/bin/env python3
"""calls.py MOUNT FOLDER: what a file system is asked for besides names and streams; MOUNT is a share of FOLDER, which
may be missing (in a guest).  Ends with an assertion that fails, or with 0."""
import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import subprocess
import sys

MOUNT = sys.argv[1]
FOLDER = sys.argv[2] if len(sys.argv) > 2 else MOUNT
libc = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
PUNCH, KEEP_SIZE = 2, 1


def path(name):
    return os.path.join(MOUNT, name)


def host(name):
    with open(os.path.join(FOLDER, name), "rb") as f:
        return f.read()


def put(name, data):
    with open(path(name), "wb") as f:
        f.write(data)


def rename(old, new, flags):
    r = libc.renameat2(-100, path(old).encode(), -100, path(new).encode(), flags)
    return ctypes.get_errno() if r else 0


def fallocate(fd, mode, offset, length):
    r = libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length))
    return ctypes.get_errno() if r else 0


def give_name(fd, name):
    r = libc.linkat(-100, f"/proc/self/fd/{fd}".encode(), -100, path(name).encode(), 0x400)  # AT_SYMLINK_FOLLOW
    return ctypes.get_errno() if r else 0


put("r1", b"1")
put("r2", b"2")
assert rename("r1", "r2", NOREPLACE) == errno.EEXIST
assert rename("r1", "r2", EXCHANGE) == 0 and host("r1") == b"2" and host("r2") == b"1"
assert rename("r1", "r3", WHITEOUT) in (errno.EINVAL, errno.EPERM)
assert rename("r1", "r3", NOREPLACE) == 0 and host("r3") == b"2"
os.rename(path("r3"), path("r2"))  # over another: without flags, glibc's renameat2 is renameat
assert host("r2") == b"2" and not os.path.exists(os.path.join(FOLDER, "r3"))
os.rename(path("r2"), path("r3"))

# a name that is too long for the host's file system
for call in (os.stat, os.mkdir, os.unlink, lambda name: os.rename(path("r3"), name)):
    try:
        call(path("n" * 256))
        raise AssertionError("a name of 256 bytes")
    except OSError as e:
        assert e.errno == errno.ENAMETOOLONG, e

# unlinked while it is open
fd = os.open(path("u"), os.O_RDWR | os.O_CREAT)
os.write(fd, b"kept")
os.unlink(path("u"))
assert not os.path.exists(os.path.join(FOLDER, "u"))
assert os.pread(fd, 10, 0) == b"kept" and os.fstat(fd).st_size == 4
os.ftruncate(fd, 2)
assert os.fstat(fd).st_size == 2
os.fchmod(fd, 0o600)
os.close(fd)

# without a name from the beginning
fd = os.open(MOUNT, os.O_TMPFILE | os.O_RDWR, 0o640)
os.write(fd, b"unnamed")
assert os.fstat(fd).st_nlink == 0 and os.pread(fd, 10, 0) == b"unnamed"
assert give_name(fd, "named") == 0
assert host("named") == b"unnamed" and os.stat(os.path.join(FOLDER, "named")).st_mode & 0o777 == 0o640
os.close(fd)
os.unlink(path("named"))
fd = os.open(MOUNT, os.O_TMPFILE | os.O_WRONLY | os.O_EXCL, 0o600)
assert give_name(fd, "named") == errno.ENOENT
os.close(fd)

# shared mapping, both ways
put("m", b"a" * 10000)
fd = os.open(path("m"), os.O_RDWR)
with mmap.mmap(fd, 10000) as shared:
    shared[5000:5003] = b"xyz"
    assert os.pread(fd, 3, 5000) == b"xyz"
    shared.flush()
    assert host("m")[5000:5003] == b"xyz"
os.close(fd)

# one that is open for appending
fd = os.open(path("m"), os.O_RDWR | os.O_APPEND)
with mmap.mmap(fd, 10000) as shared:
    shared[0:1] = b"B"
    shared.flush()
os.write(fd, b"end")
os.close(fd)
assert host("m")[0:1] == b"B" and len(host("m")) == 10003 and host("m").endswith(b"aend")

# holes
fd = os.open(path("h"), os.O_RDWR | os.O_CREAT)
os.truncate(fd, 1 << 20)
os.pwrite(fd, b"x" * 65536, 1 << 19)
assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 19
assert os.lseek(fd, 1 << 19, os.SEEK_HOLE) == (1 << 19) + 65536
assert fallocate(fd, PUNCH | KEEP_SIZE, 1 << 19, 65536) == 0
assert os.pread(fd, 4, 1 << 19) == b"\0\0\0\0"
assert fallocate(fd, 0, 0, 2 << 20) == 0 and os.fstat(fd).st_size == 2 << 20
put("src", bytes(range(256)) * 400)
src = os.open(path("src"), os.O_RDONLY)
assert os.copy_file_range(src, fd, 100000, 1000, 0) == 100000
os.fsync(fd)
assert host("h")[:100000] == host("src")[1000:101000]
os.close(src)
os.close(fd)

# O_DIRECT, O_SYNC, O_EXCL, O_TRUNC
buffer = mmap.mmap(-1, 8192)
buffer.write(b"d" * 8192)
fd = os.open(path("direct"), os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_SYNC)
assert os.writev(fd, [buffer]) == 8192
assert os.preadv(fd, [buffer], 0) == 8192
os.close(fd)
assert host("direct") == b"d" * 8192
try:
    os.open(path("direct"), os.O_CREAT | os.O_EXCL)
    raise AssertionError("O_EXCL")
except FileExistsError:
    pass
os.close(os.open(path("direct"), os.O_WRONLY | os.O_TRUNC))
assert host("direct") == b""

# a stamp: opening an empty file with O_TRUNC sets its times, as on every file system
os.utime(path("direct"), ns=(1, 1))
os.close(os.open(path("direct"), os.O_WRONLY | os.O_TRUNC))
assert os.stat(os.path.join(FOLDER, "direct")).st_mtime_ns > 1
put("private", b"text")
os.chmod(path("private"), 0o444)
os.close(os.open(path("private"), os.O_RDONLY | os.O_TRUNC))
assert host("private") == b""
os.unlink(path("private"))

# a program that runs is not written, and keeps its bytes
shutil.copy("/bin/sleep", path("program"))
with subprocess.Popen([path("program"), "1000"]) as running:  # which returns once the program is executed
    before = host("program")
    for attempt in (lambda: os.open(path("program"), os.O_RDONLY | os.O_TRUNC),
                    lambda: os.open(path("program"), os.O_WRONLY | os.O_TRUNC),
                    lambda: os.open(path("program"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
                    lambda: os.open(path("program"), os.O_RDWR),
                    lambda: os.truncate(path("program"), 0),
                    lambda: os.truncate(path("program"), 10)):
        try:
            attempt()
            raise AssertionError("a running program was opened")
        except OSError as e:
            assert e.errno == errno.ETXTBSY, e
    assert host("program") == before
    running.kill()

# locks, which are the mount's own
a, b = os.open(path("direct"), os.O_RDWR), os.open(path("direct"), os.O_RDWR)
fcntl.flock(a, fcntl.LOCK_EX)
try:
    fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    raise AssertionError("flock")
except BlockingIOError:
    pass
fcntl.flock(a, fcntl.LOCK_UN)
fcntl.lockf(a, fcntl.LOCK_EX, 10, 0)
if os.fork() == 0:
    try:
        fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
        os._exit(1)
    except OSError:
        os._exit(0)
assert os.wait()[1] == 0
os.close(a)
os.close(b)

# times to the nanosecond, attributes, a folder's fsync, statfs
os.utime(path("direct"), ns=(1_000_000_001, 2_123_456_789))
assert os.stat(os.path.join(FOLDER, "direct")).st_mtime_ns == 2_123_456_789
os.setxattr(path("direct"), "user.a", b"\0v")
assert os.getxattr(path("direct"), "user.a") == b"\0v" and "user.a" in os.listxattr(os.path.join(FOLDER, "direct"))
os.removexattr(path("direct"), "user.a")
assert "user.a" not in os.listxattr(path("direct"))
fd = os.open(MOUNT, os.O_RDONLY)
os.fsync(fd)
os.close(fd)
assert os.statvfs(MOUNT).f_bsize > 0
for name in ("r3", "m", "h", "src", "direct", "program"):
    os.unlink(path(name))
