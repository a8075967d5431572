#include "common/sandbox.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Calls that newer architectures have in a newer form only. */
enum { NOT_HERE = -1 };
#ifndef SYS_poll
#define SYS_poll NOT_HERE
#define SYS_access NOT_HERE
#define SYS_alarm NOT_HERE
#define SYS_arch_prctl NOT_HERE
#define SYS_chmod NOT_HERE
#define SYS_chown NOT_HERE
#define SYS_dup2 NOT_HERE
#define SYS_readlink NOT_HERE
#endif

/* Of an argument's low 32 bits, what the mask covers is the value. */
struct condition {
    int argument;
    uint32_t mask, value;
};
enum { CONDITIONS_MAX = 3 };
/* A call that is allowed, if all the conditions hold; a mask of 0 ends them. */
struct rule {
    int call;
    struct condition only[CONDITIONS_MAX];
};
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
/* A terminal's modes and size; not TIOCSTI, which writes into it what others are to read. */
#define TERMINAL                                                                                                       \
    ONLY(ioctl, 1, WHOLE, TCGETS), ONLY(ioctl, 1, WHOLE, TCSETS), ONLY(ioctl, 1, WHOLE, TCSETSW),                      \
        ONLY(ioctl, 1, WHOLE, TIOCGWINSZ)
#define WHOLE UINT32_MAX
/* Of fcntl's commands the harmless ones: F_SETOWN and F_SETSIG send any signal to any process of this user. */
#define DUPLICATE ONLY(fcntl, 1, WHOLE, F_DUPFD_CLOEXEC)

/* What any of ours does: memory that holds no code, the clock, its descriptors, its messages, its end.  poll goes on
 * by restart_syscall after SIGSTOP; malloc takes getrandom; abort the two before it, and tgkill, which write_program
 * adds for this process alone: others have its user too. */
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

/* What these do when they start (with the dynamic linker), on a filesystem's image, and, for mke2fs -d, with a tree.
 * Any ioctl: they have no terminal, and ask a file whether it is a block device in many ways. */
static const struct rule program[] = {ANY(execve),
                                      ANY(mmap),
                                      ANY(mprotect),
                                      ANY(access),
                                      ANY(faccessat),
                                      ANY(faccessat2),
                                      ANY(arch_prctl),
                                      ANY(set_tid_address),
                                      ANY(set_robust_list),
                                      ANY(rseq),
                                      ONLY(prlimit64, 0, WHOLE, 0), /* its own */
                                      ANY(prctl),
                                      ANY(rt_sigaction),
                                      ANY(openat),
                                      ANY(newfstatat),
                                      ANY(statx),
                                      ANY(fstatfs),
                                      ANY(statfs),
                                      ANY(lseek),
                                      ANY(pread64),
                                      ANY(pwrite64),
                                      ANY(readv),
                                      ANY(ftruncate),
                                      ANY(fallocate),
                                      ANY(fadvise64),
                                      ANY(sync_file_range),
                                      ANY(fsync),
                                      ANY(fdatasync),
                                      ANY(sync),
                                      ANY(flock),
                                      ANY(dup),
                                      ANY(dup2),
                                      ANY(dup3),
                                      DUPLICATE,
                                      ONLY(fcntl, 1, WHOLE, F_DUPFD),
                                      ONLY(fcntl, 1, WHOLE, F_GETFD),
                                      ONLY(fcntl, 1, WHOLE, F_SETFD),
                                      ONLY(fcntl, 1, WHOLE, F_GETFL),
                                      ONLY(fcntl, 1, WHOLE, F_SETFL),
                                      ANY(ioctl),
                                      ANY(chdir),
                                      ANY(getcwd),
                                      ANY(getdents64),
                                      ANY(readlink),
                                      ANY(readlinkat),
                                      ANY(llistxattr),
                                      ANY(lgetxattr),
                                      ANY(getuid),
                                      ANY(geteuid),
                                      ANY(getgid),
                                      ANY(getegid),
                                      ANY(getppid),
                                      ANY(getrusage),
                                      ANY(sysinfo),
                                      ANY(uname),
                                      ANY(sched_getaffinity),
                                      ANY(umask),
                                      ANY(clock_nanosleep)};

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

/* Beside what programs do: threads, and files and folders of its own. */
static const struct rule copier[] = {ONLY(clone, 0, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD),
                                     ANY(epoll_create1),
                                     ANY(epoll_ctl),
                                     ANY(epoll_pwait),
                                     ANY(eventfd2),
                                     ANY(pipe2),
                                     ANY(nanosleep),
                                     ANY(sched_yield),
                                     ANY(sigaltstack),
                                     ANY(getrlimit),
                                     ANY(capget),
                                     ANY(mkdirat),
                                     ANY(unlinkat),
                                     ANY(renameat),
                                     ANY(fchmod),
                                     ANY(fchmodat),
                                     ANY(utimensat)};

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

/* Beside what programs do: rtnetlink, and iptables-restore with its netlink (nft) or raw sockets (legacy). */
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

static const struct role {
    const char *name;
    const struct rule *rules;
    size_t count;
    bool programs; /* it, or its children, are programs, with what these do: a handler would be lost */
} roles[SANDBOX_ROLES] = {[SANDBOX_SUPERVISOR] = {"entry", supervisor, COUNT(supervisor)},
                          [SANDBOX_DISK] = {"a disk's server", disk, COUNT(disk)},
                          [SANDBOX_RELAY] = {"the DNS relay", relay, COUNT(relay)},
                          [SANDBOX_JAIL] = {"the jail's first process", jail, COUNT(jail)},
                          [SANDBOX_PROGRAM] = {"a program", NULL, 0, true},
                          [SANDBOX_UNPACK] = {"cp", unpack, COUNT(unpack)},
                          [SANDBOX_PACK] = {"cp", pack, COUNT(pack)},
                          [SANDBOX_LAYER] = {"image import", layer, COUNT(layer)},
                          [SANDBOX_COPIER] = {"skopeo", copier, COUNT(copier), true},
                          [SANDBOX_CLIENT] = {"ctr-jailer", client, COUNT(client)},
                          [SANDBOX_WATCH] = {"netsetup-watch", watcher, COUNT(watcher), true}};

/* Unless a role has it, asking for one of these ends the process. */
static const int deadly[] = {SYS_execve,
                             SYS_execveat,
                             SYS_ptrace,
                             SYS_process_vm_readv,
                             SYS_process_vm_writev,
                             SYS_pidfd_getfd,
                             SYS_kcmp,
                             SYS_mount,
                             SYS_umount2,
                             SYS_pivot_root,
                             SYS_chroot,
                             SYS_move_mount,
                             SYS_open_tree,
                             SYS_fsopen,
                             SYS_fsconfig,
                             SYS_fsmount,
                             SYS_fspick,
                             SYS_mount_setattr,
                             SYS_setns,
                             SYS_unshare,
                             SYS_open_by_handle_at,
                             SYS_mknodat,
                             SYS_bpf,
                             SYS_perf_event_open,
                             SYS_userfaultfd,
                             SYS_io_uring_setup,
                             SYS_io_uring_enter,
                             SYS_io_uring_register,
                             SYS_init_module,
                             SYS_finit_module,
                             SYS_delete_module,
                             SYS_kexec_load,
                             SYS_reboot,
                             SYS_swapon,
                             SYS_swapoff,
                             SYS_acct,
                             SYS_quotactl,
                             SYS_add_key,
                             SYS_request_key,
                             SYS_keyctl,
                             SYS_personality,
                             SYS_settimeofday,
                             SYS_clock_settime,
                             SYS_sethostname,
                             SYS_setdomainname
#ifdef __x86_64__
                             ,
                             SYS_iopl,
                             SYS_ioperm,
                             SYS_modify_ldt
#endif
};

/* The program: at most so many instructions for a rule, and some before and after. */
enum { RULES_MAX = 128, OF_A_RULE = 3 * CONDITIONS_MAX + 3, OTHERS = 16 };
struct program {
    struct sock_filter code[RULES_MAX * OF_A_RULE + OTHERS];
    unsigned short len;
};

static void add(struct program *p, int code, uint32_t k, uint8_t yes, uint8_t no)
{
    p->code[p->len++] = (struct sock_filter){(uint16_t)code, yes, no, k};
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void end(struct program *p, uint32_t action)
{
    add(p, BPF_RET | BPF_K, action, 0, 0);
}

static void jump(struct program *p, int how, uint32_t k, uint8_t yes, uint8_t no)
{
    add(p, BPF_JMP | how | BPF_K, k, yes, no);
}

/* The accumulator holds the call's number before and after.  A condition takes three instructions, and after the last
 * one, the end and the load are left: what does not match goes on with the load, or after the end when that is the
 * last. */
static void add_rule(struct program *p, const struct rule *r)
{
    uint8_t count = 0;
    while (count < CONDITIONS_MAX && r->only[count].mask)
        count++;
    if (r->call == NOT_HERE)
        return;
    jump(p, BPF_JEQ, (uint32_t)r->call, 0, count ? (uint8_t)(3 * count + 2) : 1);
    for (uint8_t i = 0; i < count; i++) { /* the low half: both architectures are little-endian */
        load(p, offsetof(struct seccomp_data, args) + (size_t)r->only[i].argument * sizeof(uint64_t));
        add(p, BPF_ALU | BPF_AND | BPF_K, r->only[i].mask, 0, 0);
        jump(p, BPF_JEQ, r->only[i].value, 0, (uint8_t)(3 * (count - i - 1) + 1));
    }
    end(p, SECCOMP_RET_ALLOW);
    if (count)
        load(p, offsetof(struct seccomp_data, nr));
}

/* When watched, what is refused comes to on_refusal. */
static void write_program(struct program *p, const struct role *role, bool watched)
{
    load(p, offsetof(struct seccomp_data, arch));
    jump(p, BPF_JEQ, ARCH, 1, 0);
    end(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    jump(p, BPF_JGE, 0x40000000 /* x32's: __X32_SYSCALL_BIT */, 0, 1);
    end(p, SECCOMP_RET_KILL_PROCESS);
#endif
    for (size_t i = 0; i < COUNT(always); i++)
        add_rule(p, &always[i]);
    add_rule(p, &(struct rule)ONLY(tgkill, 0, WHOLE, getpid()));
    for (size_t i = 0; i < role->count; i++)
        add_rule(p, &role->rules[i]);
    for (size_t i = 0; role->programs && i < COUNT(program); i++)
        add_rule(p, &program[i]);
    for (size_t i = 0; i < COUNT(deadly); i++) {
        jump(p, BPF_JEQ, (uint32_t)deadly[i], 0, 1);
        end(p, watched ? SECCOMP_RET_TRAP : SECCOMP_RET_KILL_PROCESS);
    }
    end(p, watched ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO | ENOSYS);
}

static const char *watched_role;

/* The call's number, and the same end as without the line. */
static void on_refusal(int signo, siginfo_t *info, void *context)
{
    if (info->si_code != 1 /* SYS_SECCOMP */)
        return;
    log_debug("%s asks for the system call %d, which is refused", watched_role, info->si_syscall);
    for (size_t i = 0; i < COUNT(deadly); i++)
        if (deadly[i] == info->si_syscall)
            syscall(SYS_exit_group, 128 + signo);
    RESULT((ucontext_t *)context) = -ENOSYS;
}

static void watch(const struct role *role)
{
    struct sigaction action = {.sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO};
    sigset_t set;
    watched_role = role->name;
    sigaction(SIGSYS, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int sandbox_enter(enum sandbox_role role, struct err *err)
{
    struct program p = {.len = 0};
    bool watched = log_shows(LOG_DEBUG) && !roles[role].programs;
    if (watched)
        watch(&roles[role]);
    write_program(&p, &roles[role], watched);
    struct sock_fprog filter = {.len = p.len, .filter = p.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &filter) == 0)
        return 0;
    if (errno != ENOSYS && errno != EINVAL)
        return err_sys(err, "cannot give %s its seccomp filter", roles[role].name);
    log_debug("%s runs without a seccomp filter, which this kernel does not have", roles[role].name);
    return 0;
}
