#include "common/sandbox.h"

#include "common/array.h"
#include "common/log.h"
#include "common/sandbox_roles.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

/* Unless the role allows them, these calls kill the process. */
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

/* The most instructions of the program: for each rule, and some before and after. */
enum { RULES_MAX = 128, OF_A_RULE = 3 * RULE_CONDITIONS_MAX + 3, OTHERS = 16 };
struct program {
    struct sock_filter code[RULES_MAX * OF_A_RULE + OTHERS];
    unsigned short len;
};

static void add_instruction(struct program *p, int code, uint32_t k, uint8_t yes, uint8_t no)
{
    p->code[p->len++] = (struct sock_filter){(uint16_t)code, yes, no, k};
}

static void load_field(struct program *p, size_t offset)
{
    add_instruction(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void add_end(struct program *p, uint32_t action)
{
    add_instruction(p, BPF_RET | BPF_K, action, 0, 0);
}

static void add_jump(struct program *p, int how, uint32_t k, uint8_t yes, uint8_t no)
{
    add_instruction(p, BPF_JMP | how | BPF_K, k, yes, no);
}

/* The accumulator holds the call's number before and after.  A condition takes three instructions, and after the last
 * one, the end and the load are left: if a condition does not match, the program continues with the load, or after the
 * end if there is no further rule. */
static void add_rule(struct program *p, const struct rule *r)
{
    uint8_t count = 0;
    while (count < RULE_CONDITIONS_MAX && r->only[count].mask)
        count++;
    if (r->call == RULE_NOT_HERE)
        return;
    add_jump(p, BPF_JEQ, (uint32_t)r->call, 0, count ? (uint8_t)(3 * count + 2) : 1);
    for (uint8_t i = 0; i < count; i++) { /* the low half: both architectures are little-endian */
        load_field(p, offsetof(struct seccomp_data, args) + (size_t)r->only[i].argument * sizeof(uint64_t));
        add_instruction(p, BPF_ALU | BPF_AND | BPF_K, r->only[i].mask, 0, 0);
        add_jump(p, BPF_JEQ, r->only[i].value, 0, (uint8_t)(3 * (count - i - 1) + 1));
    }
    add_end(p, SECCOMP_RET_ALLOW);
    if (count)
        load_field(p, offsetof(struct seccomp_data, nr));
}

/* When watched, refused calls reach on_refusal. */
static void write_program(struct program *p, const struct role *role, bool watched)
{
    load_field(p, offsetof(struct seccomp_data, arch));
    add_jump(p, BPF_JEQ, ARCH, 1, 0);
    add_end(p, SECCOMP_RET_KILL_PROCESS);
    load_field(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    add_jump(p, BPF_JGE, 0x40000000 /* x32's: __X32_SYSCALL_BIT */, 0, 1);
    add_end(p, SECCOMP_RET_KILL_PROCESS);
#endif
    add_rule(p, &(struct rule){SYS_tgkill, {{0, UINT32_MAX, (uint32_t)getpid()}}});
    for (size_t t = 0; t < COUNT(role->tables); t++)
        for (size_t i = 0; i < role->tables[t].count; i++)
            add_rule(p, &role->tables[t].list[i]);
    for (size_t i = 0; i < COUNT(deadly); i++) {
        add_jump(p, BPF_JEQ, (uint32_t)deadly[i], 0, 1);
        add_end(p, watched ? SECCOMP_RET_TRAP : SECCOMP_RET_KILL_PROCESS);
    }
    add_end(p, watched ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO | ENOSYS);
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

int sandbox_enter(enum sandbox_role which, struct err *err)
{
    const struct role *role = role_of(which);
    struct program p = {.len = 0};
    bool watched = log_shows(LOG_DEBUG) && !role->programs;
    tzset(); /* the C library would open /etc/localtime at the first gmtime_r */
    if (watched)
        watch(role);
    write_program(&p, role, watched);
    struct sock_fprog filter = {.len = p.len, .filter = p.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &filter) == 0)
        return 0;
    if (errno != ENOSYS && errno != EINVAL)
        return err_sys(err, "cannot give %s its seccomp filter", role->name);
    log_debug("%s runs without a seccomp filter, which this kernel does not have", role->name);
    return 0;
}
