"""badcall.py PID: has a process make a system call that its seccomp filter does not allow: the next one that it makes
becomes mkdir (ptrace(2), x86_64)."""
import ctypes
import os
import sys

ATTACH, SYSCALL, DETACH, PEEKUSER, POKEUSER = 16, 24, 17, 3, 6
RAX, ORIG_RAX = 10 * 8, 15 * 8  # struct user_regs_struct
ENOSYS, MKDIR = -38, 83
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
libc.ptrace.restype = ctypes.c_long
pid = int(sys.argv[1])
if libc.ptrace(ATTACH, pid, 0, 0) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(pid, 0x40000000)  # __WALL
while libc.ptrace(PEEKUSER, pid, RAX, 0) != ENOSYS:  # what it is when a call begins
    libc.ptrace(SYSCALL, pid, 0, 0)
    os.waitpid(pid, 0x40000000)
libc.ptrace(POKEUSER, pid, ORIG_RAX, MKDIR)
libc.ptrace(DETACH, pid, 0, 0)
