"""stall.py PID: holds a thread up for most of the time, 2.6 s of every 2.75, until it ends."""
import ctypes
import os
import sys
import time

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000  # sys/ptrace.h, sys/wait.h
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
thread = int(sys.argv[1])
while ptrace(SEIZE, thread, 0, 0) == 0 and ptrace(INTERRUPT, thread, 0, 0) == 0:
    os.waitpid(thread, WALL)
    time.sleep(2.6)
    ptrace(DETACH, thread, 0, 0)
    time.sleep(0.15)
