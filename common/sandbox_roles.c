#include "common/sandbox_roles.h"

#include "common/array.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>

/* Calls that newer architectures have only in a newer form. */
#ifndef SYS_poll
#define SYS_poll RULE_NOT_HERE
#define SYS_access RULE_NOT_HERE
#define SYS_alarm RULE_NOT_HERE
#define SYS_arch_prctl RULE_NOT_HERE
#define SYS_chmod RULE_NOT_HERE
#define SYS_chown RULE_NOT_HERE
#define SYS_dup2 RULE_NOT_HERE
#define SYS_readlink RULE_NOT_HERE
#endif

#define RULE(call, ...)                                                                                                \
    {                                                                                                                  \
        call, __VA_ARGS__                                                                                              \
    }
#define IF(argument, mask, value) argument, (uint32_t)(mask), (uint32_t)(value)
#define ANY(call) RULE(SYS_##call, {{0}})
#define ONLY(call, argument, mask, value) RULE(SYS_##call, {{IF(argument, mask, value)}})
/* A socket of TCP or UDP: no raw one, and none of another protocol that this kernel may have a module for. */
#define SOCKET(family, type)                                                                                           \
    RULE(SYS_socket, {{IF(0, WHOLE, family)}, {IF(1, WHOLE, (type) | SOCK_CLOEXEC | SOCK_NONBLOCK)}, {IF(2, WHOLE, 0)}})
/* setsockopt or getsockopt, of one option of any socket. */
#define OPTION(call, option) RULE(SYS_##call, {{IF(1, WHOLE, SOL_SOCKET)}, {IF(2, WHOLE, option)}})
/* A terminal's modes and size; not TIOCSTI, which inserts input for other processes of the terminal. */
#define TERMINAL                                                                                                       \
    ONLY(ioctl, 1, WHOLE, TCGETS), ONLY(ioctl, 1, WHOLE, TCSETS), ONLY(ioctl, 1, WHOLE, TCSETSW),                      \
        ONLY(ioctl, 1, WHOLE, TIOCGWINSZ)
#define WHOLE UINT32_MAX
/* Of fcntl's commands, only the harmless ones: with F_SETOWN and F_SETSIG, a process can send any signal to any process
 * of its user. */
#define DUPLICATE ONLY(fcntl, 1, WHOLE, F_DUPFD_CLOEXEC)

/* What each of our processes does: it uses memory that holds no code, the clock and its descriptors, writes messages,
 * and ends.  The C library asks the kernel for the time only where user space cannot read the clock, as with hpet.
 * poll needs restart_syscall after SIGSTOP; malloc needs getrandom; abort needs the two before it, and tgkill, which
 * sandbox.c allows for this process alone, since other processes have the same user. */
static const struct rule always[] = {ANY(read),
                                     ANY(write),
                                     ANY(writev),
                                     ANY(close),
                                     ANY(poll),
                                     ANY(ppoll),
                                     ANY(fstat),
                                     ONLY(newfstatat, 3, AT_EMPTY_PATH, AT_EMPTY_PATH),
                                     ANY(brk),
                                     ANY(munmap),
                                     ANY(mremap),
                                     ANY(madvise),
                                     ONLY(mmap, 2, PROT_EXEC, 0),
                                     ONLY(mprotect, 2, PROT_EXEC, 0),
                                     ANY(clock_gettime),
                                     ANY(gettimeofday),
                                     ANY(getpid),
                                     ANY(futex),
                                     ANY(restart_syscall),
                                     ANY(rt_sigreturn),
                                     ANY(exit),
                                     ANY(exit_group),
                                     ANY(rt_sigprocmask),
                                     ANY(gettid),
                                     ANY(getrandom)};

static const struct rule supervisor[] = {
    /* the guest's connections, ctr-jailer's, and Firecracker's */
    ANY(accept4), ANY(sendto), ANY(recvfrom), ANY(sendmsg), ANY(recvmsg), ANY(shutdown), ANY(getsockopt),
    /* the command's streams */
    DUPLICATE, TERMINAL, ONLY(ioctl, 1, WHOLE, FIONREAD),
    /* figures of Firecracker's process, how the run ended, the keeper's end */
    ANY(pread64), ANY(pwrite64), ANY(ftruncate), ANY(wait4), ANY(waitid)};

/* Not openat2, whose flags are in memory that a filter cannot look into. */
static const struct rule disk[] = {ONLY(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), ANY(pread64)};

static const struct rule relay[] = {SOCKET(AF_INET, SOCK_DGRAM),
                                    SOCKET(AF_INET, SOCK_STREAM),
                                    SOCKET(AF_INET6, SOCK_DGRAM),
                                    SOCKET(AF_INET6, SOCK_STREAM),
                                    OPTION(setsockopt, SO_LINGER),
                                    OPTION(getsockopt, SO_ERROR),
                                    ANY(connect),
                                    ANY(accept4),
                                    ANY(sendto),
                                    ANY(recvfrom)};

static const struct rule jail[] = {ANY(wait4), ANY(waitid)};

/* The calls that these programs make when they start (with the dynamic linker), on a filesystem's image, and, for
 * mke2fs -d, with a tree. Any ioctl: they have no terminal, and ask a file whether it is a block device in many ways.
 */
static const struct rule program[] = {
    ANY(execve), ANY(mmap), ANY(mprotect), ANY(access), ANY(faccessat), ANY(faccessat2), ANY(arch_prctl),
    ANY(set_tid_address), ANY(set_robust_list), ANY(rseq), ONLY(prlimit64, 0, WHOLE, 0), /* its own */
    ANY(prctl), ANY(rt_sigaction), ANY(openat), ANY(newfstatat), ANY(statx), ANY(fstatfs), ANY(statfs), ANY(lseek),
    ANY(pread64), ANY(pwrite64), ANY(readv), ANY(ftruncate), ANY(fallocate), ANY(fadvise64), ANY(sync_file_range),
    ANY(fsync), ANY(fdatasync), ANY(sync), ANY(flock), ANY(dup), ANY(dup2), ANY(dup3), DUPLICATE,
    ONLY(fcntl, 1, WHOLE, F_DUPFD), ONLY(fcntl, 1, WHOLE, F_GETFD), ONLY(fcntl, 1, WHOLE, F_SETFD),
    ONLY(fcntl, 1, WHOLE, F_GETFL), ONLY(fcntl, 1, WHOLE, F_SETFL), ANY(ioctl), ANY(chdir), ANY(getcwd),
    ANY(getdents64), ANY(readlink), ANY(readlinkat), ANY(llistxattr), ANY(lgetxattr), ANY(getuid), ANY(geteuid),
    ANY(getgid), ANY(getegid), ANY(getppid), ANY(getrusage), ANY(sysinfo), ANY(uname), ANY(sched_getaffinity),
    ANY(umask), ANY(clock_nanosleep),
    /* threads: e2fsck has them for 64 GiB and more */
    ONLY(clone, 0, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD)};

/* common/unpack.c: each name is one entry of a folder that is open. */
#define UNPACK                                                                                                         \
    ONLY(openat, 2, O_ACCMODE | O_CREAT | O_NOFOLLOW, O_WRONLY | O_CREAT | O_NOFOLLOW),                                \
        ONLY(openat, 2, O_PATH, O_PATH), ANY(mkdirat), ANY(symlinkat), ANY(linkat), ANY(mknodat), DUPLICATE,           \
        ANY(umask), ANY(chmod), ANY(fchmodat), ANY(chown), ANY(fchownat), ANY(setxattr), ANY(utimensat)
static const struct rule unpack[] = {UNPACK, ONLY(unlinkat, 2, WHOLE, 0)};

/* common/layer.c: it removes folders, too. */
static const struct rule layer[] = {UNPACK,
                                    ONLY(openat, 2, O_ACCMODE | O_CREAT | O_DIRECTORY, O_DIRECTORY),
                                    ONLY(fcntl, 1, WHOLE, F_GETFL),
                                    ONLY(fcntl, 1, WHOLE, F_SETFD),
                                    ANY(unlinkat),
                                    ANY(getdents64),
                                    ANY(lseek)};

/* Besides the calls of programs: those for skopeo's own files and directories, and those of rootdisk for a tree. */
static const struct rule copier[] = {ANY(epoll_create1), ANY(epoll_ctl), ANY(epoll_pwait),    ANY(eventfd2),
                                     ANY(pipe2),         ANY(nanosleep), ANY(sched_yield),    ANY(sigaltstack),
                                     ANY(getrlimit),     ANY(capget),    ANY(mkdirat),        ANY(unlinkat),
                                     ANY(renameat),      ANY(fchmod),    ANY(fchmodat),       ANY(utimensat),
                                     ANY(fchdir),        ANY(signalfd4), ANY(copy_file_range)};

/* Besides the copier's calls.  Go tries sockets of every protocol to learn which ones there are. */
#define SOCKET_OF(family, type) RULE(SYS_socket, {{IF(0, WHOLE, family)}, {IF(1, SOCK_TYPES, type)}})
enum { SOCK_TYPES = 15 }; /* Linux, include/linux/net.h: SOCK_TYPE_MASK */
static const struct rule puller[] = {SOCKET_OF(AF_INET, SOCK_STREAM),
                                     SOCKET_OF(AF_INET, SOCK_DGRAM),
                                     SOCKET_OF(AF_INET6, SOCK_STREAM),
                                     SOCKET_OF(AF_INET6, SOCK_DGRAM),
                                     ANY(connect),
                                     ANY(bind),
                                     ANY(getsockname),
                                     ANY(getpeername),
                                     ANY(getsockopt),
                                     ANY(setsockopt),
                                     ANY(sendto),
                                     ANY(recvfrom),
                                     ANY(sendmsg),
                                     ANY(recvmsg),
                                     ANY(shutdown)};

/* common/pack.c */
static const struct rule pack[] = {ONLY(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
                                   ANY(getdents64),
                                   ANY(newfstatat),
                                   ANY(statfs),
                                   ANY(readlink),
                                   ANY(readlinkat),
                                   ANY(llistxattr),
                                   ANY(lgetxattr),
                                   ANY(chdir)};

/* ctl/: the connections that come from entry, the session's streams as the supervisor's, and cp's other process. */
static const struct rule client[] = {ANY(recvmsg), ANY(sendmsg), ANY(sendto), TERMINAL, ANY(wait4)};

/* ctl/logfile.c */
static const struct rule logger[] = {ONLY(openat, 2, O_ACCMODE | O_CREAT | O_NOFOLLOW, O_WRONLY | O_CREAT | O_NOFOLLOW),
                                     ANY(renameat), ANY(ftruncate)};

/* Besides the calls of programs: rtnetlink, and iptables-restore with its netlink (nft) or raw sockets (legacy). */
static const struct rule watcher[] = {
    ONLY(clone, 0,
         CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET, 0),
    ANY(wait4),
    ANY(pidfd_open),
    ANY(close_range),
    ANY(memfd_create),
    ONLY(socketpair, 0, WHOLE, AF_UNIX),
    ONLY(socket, 0, WHOLE, AF_NETLINK),
    ONLY(socket, 0, WHOLE, AF_INET),
    ONLY(socket, 0, WHOLE, AF_INET6),
    ANY(bind),
    ANY(sendto),
    ANY(sendmsg),
    ANY(recvfrom),
    ANY(recvmsg),
    ANY(shutdown),
    ANY(setsockopt),
    ANY(getsockopt),
    ANY(getsockname),
    ANY(pselect6),
    ANY(alarm),
    ANY(setitimer),
    ANY(sigaltstack)};

/* share/: each of these changes file systems.  openat, as for a disk's server, because a filter cannot check openat2's
 * flags.  Every thread has its own filter.  mknodat makes FIFOs and sockets: devices take CAP_MKNOD, which the server
 * does not have.  glibc's renameat2 without flags is renameat.  setfsuid, setfsgid and capset: share/actor.c. */
static const struct rule share[] = {
    ANY(openat),    ANY(readlinkat), ANY(statx),      ANY(fstatfs),   ANY(pread64),         ANY(pwritev2),
    ANY(ftruncate), ANY(truncate),   ANY(fallocate),  ANY(lseek),     ANY(copy_file_range), ANY(fsync),
    ANY(fdatasync), DUPLICATE,       ANY(getdents64), ANY(mkdirat),   ANY(mknodat),         ANY(symlinkat),
    ANY(linkat),    ANY(unlinkat),   ANY(renameat2),  ANY(renameat),  ANY(fchownat),        ANY(fchmodat),
    ANY(utimensat), ANY(getxattr),   ANY(setxattr),   ANY(listxattr), ANY(removexattr),     ANY(umask),
    ANY(geteuid),   ANY(getegid),    ANY(setfsuid),   ANY(setfsgid),  ANY(capget),          ANY(capset)};

#define ALL(table)                                                                                                     \
    {                                                                                                                  \
        table, COUNT(table)                                                                                            \
    }
static const struct role roles[SANDBOX_ROLES] = {
    [SANDBOX_SUPERVISOR] = {"entry", {ALL(always), ALL(supervisor)}},
    [SANDBOX_DISK] = {"a disk's server", {ALL(always), ALL(disk)}},
    [SANDBOX_RELAY] = {"the DNS relay", {ALL(always), ALL(relay)}},
    [SANDBOX_JAIL] = {"the jail's first process", {ALL(always), ALL(jail)}},
    [SANDBOX_PROGRAM] = {"a program", {ALL(always), ALL(program)}, .programs = true},
    [SANDBOX_UNPACK] = {"cp", {ALL(always), ALL(unpack)}},
    [SANDBOX_PACK] = {"cp", {ALL(always), ALL(pack)}},
    [SANDBOX_LAYER] = {"image import", {ALL(always), ALL(layer)}},
    [SANDBOX_COPIER] = {"skopeo", {ALL(always), ALL(copier), ALL(program)}, .programs = true},
    [SANDBOX_CLIENT] = {"ctr-jailer", {ALL(always), ALL(client)}},
    [SANDBOX_LOGGER] = {"the logger", {ALL(always), ALL(logger)}},
    [SANDBOX_SHARE] = {"a share's server", {ALL(always), ALL(share)}},
    [SANDBOX_PULLER] = {"skopeo", {ALL(always), ALL(copier), ALL(puller), ALL(program)}, .programs = true},
    [SANDBOX_WATCH] = {"netsetup-watch", {ALL(always), ALL(watcher), ALL(program)}, .programs = true}};

const struct role *role_of(enum sandbox_role role)
{
    return &roles[role];
}
