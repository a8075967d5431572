/* The system calls that a process may still make once it reads foreign data: a seccomp filter for each role
 * (seccomp(2), Linux Documentation/userspace-api/seccomp_filter.rst).
 *
 * The filters come from tables (common/sandbox_roles.c) and some 80 lines of our own, not from libseccomp.  libseccomp
 * resolves names of system calls at run time and supports many architectures; we need neither.  It would also add a
 * library (128 KiB resident, and 0.3 ms where our tables take 0.15) to processes that should have as little as
 * possible. The kernel remembers which calls a filter always allows (Linux 5.11), so the length of a table costs
 * nothing at run time.
 *
 * The calls that a role needs are allowed.  Unless the role needs them, calls that an attacker wants first (execve,
 * ptrace, mount, bpf, ...) kill the process.  The rest fail with ENOSYS: a C library that tries a newer call than the
 * table knows takes ENOSYS for an older kernel, and falls back to the older call.  The kernel's log names refused calls
 * ("audit: type=1326 ... syscall=59"); with VM_LOG_LEVEL=debug, our log does too. */
#ifndef CTR_SANDBOX_H
#define CTR_SANDBOX_H

#include "common/err.h"
#include "common/role.h"

/* Confines this thread and everything that it starts to a role for ever, and sets no_new_privs.  Other threads of the
 * process are not affected.  Without seccomp (an emulator: Firecracker itself needs it) a debug line says so, and
 * nothing else happens.  With VM_LOG_LEVEL=debug, a SIGSYS sent by another process counts as one from a refused call.
 * 0, or -1 with err. */
int sandbox_enter(enum sandbox_role role, struct err *err);

#endif
