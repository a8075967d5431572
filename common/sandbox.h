/* What a process may still ask of the kernel once it reads what others wrote: a seccomp filter for each role
 * (seccomp(2), Linux Documentation/userspace-api/seccomp_filter.rst).
 *
 * The filters come from tables and some 80 lines of our own, not from libseccomp.  That names system calls at run time
 * and knows many architectures, of which we need neither; and it would be one more library (128 KiB resident, and
 * 0.3 ms where these take 0.15) in the processes that are to have as little as possible.  The kernel remembers which
 * calls a filter always allows (Linux 5.11), so the length of a table costs nothing at run time.
 *
 * What a role needs is allowed.  What nothing of ours ever needs and an attacker wants first (execve, ptrace, mount,
 * bpf, ...) kills the process.  The rest fails with ENOSYS: a C library that tries a newer call than the table knows
 * takes that for an older kernel, and does it the older way.  The kernel's log names refused calls ("audit: type=1326
 * ... syscall=59"); with VM_LOG_LEVEL=debug a line of ours does. */
#ifndef CTR_SANDBOX_H
#define CTR_SANDBOX_H

#include "common/err.h"

enum sandbox_role {
    SANDBOX_SUPERVISOR, /* entry while the VM runs: opens nothing, starts nothing, connects to nothing */
    SANDBOX_DISK,       /* the server of a tree: opens files to read them */
    SANDBOX_RELAY,      /* of DNS: speaks IP, opens nothing */
    SANDBOX_JAIL,       /* the jail's first process: waits for the jailer, and reports its end */
    SANDBOX_PROGRAM,    /* mke2fs, e2fsck, resize2fs: it works on the files that it has and can open, and is alone */
    SANDBOX_ROLES
};

/* Holds this process, all that it starts, and no other thread of it, to a role for ever, and sets no_new_privs.
 * Without seccomp (an emulator: Firecracker itself needs it) a debug line says so, and nothing else happens.  With
 * VM_LOG_LEVEL=debug a SIGSYS that somebody sends is taken for a refused call's.  0, or -1 with err. */
int sandbox_enter(enum sandbox_role role, struct err *err);

#endif
