/* common/sandbox.c, common/landlock.c, common/confine.c and common/descriptors.c, each in a child of its own: what a
 * role may do works, what it may not is refused, or is the child's end. */
#include "common/confine.h"
#include "common/descriptors.h"
#include "common/landlock.h"
#include "common/log.h"
#include "common/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* What a child tells by its exit status; or it was killed. */
enum { WORKS, REFUSED, OTHERWISE, NOT_SET_UP, KILLED = 100 };

/* A pipe that each child has. */
enum { PIPE_OUT = 20, PIPE_IN };

/* Not _exit: before a function that does not return, ASan asks for the signal stack, which no role may. */
static void leave(int status)
{
    syscall(SYS_exit_group, status);
}

static int told(long result)
{
    return result >= 0 ? WORKS : errno == ENOSYS ? REFUSED : OTHERWISE;
}

static int try_execve(void)
{
    char *const argv[] = {"true", NULL}, *const env[] = {NULL};
    return told(execve("/bin/true", argv, env));
}
static int try_ptrace(void)
{
    return told(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int try_mount(void)
{
    return told(syscall(SYS_mount, "x", "/nowhere", "tmpfs", 0L, NULL));
}
static int try_bpf(void)
{
    return told(syscall(SYS_bpf, 0, NULL, 0));
}
static int try_unshare(void)
{
    return told(syscall(SYS_unshare, 0));
}
static int try_fork(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return told(pid);
}
static int try_namespace(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return told(pid);
}
static int try_kill(void)
{
    return told(syscall(SYS_kill, getpid(), 0));
}
static pid_t parent; /* another process of this user's */
static int try_signal(void)
{
    return told(syscall(SYS_tgkill, parent, parent, 0));
}
static int try_own_signal(void)
{
    return told(syscall(SYS_tgkill, getpid(), getpid(), 0));
}
static int try_owner(void)
{
    return told(fcntl(PIPE_IN, F_SETOWN, parent));
}
static int try_limit(void)
{
    struct rlimit limit;
    return told(syscall(SYS_prlimit64, parent, RLIMIT_CORE, NULL, &limit));
}
static int try_clock(void)
{
    struct timespec now;
    struct timeval day;
    return told(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) < 0 ? -1 : syscall(SYS_gettimeofday, &day, NULL));
}
static int try_duplicate(void)
{
    return told(fcntl(PIPE_IN, F_DUPFD_CLOEXEC, 0));
}
static int try_inet(void)
{
    return told(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
static int try_unix(void)
{
    return told(socket(AF_UNIX, SOCK_DGRAM, 0));
}
static int try_raw(void)
{
    return told(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
}
static int try_protocol(void)
{
    return told(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDPLITE));
}
static int try_option(void)
{
    return told(setsockopt(PIPE_IN, SOL_SOCKET, SO_MARK, &(int){1}, sizeof(int)));
}
static int try_netlink(void)
{
    return told(socket(AF_NETLINK, SOCK_RAW, 0));
}
static int try_reading(void)
{
    return told(open("/proc/self/status", O_RDONLY));
}
static int try_writing(void)
{
    return told(open("/dev/null", O_WRONLY));
}
static int try_writing_by_openat2(void)
{
    struct open_how how = {.flags = O_WRONLY};
    return told(syscall(SYS_openat2, AT_FDCWD, "/dev/null", &how, sizeof(how)));
}
static int try_creating(void)
{
    return told(open("/dev/null", O_RDONLY | O_CREAT, 0600));
}
static int try_unlink(void)
{
    return told(syscall(SYS_unlinkat, AT_FDCWD, "/nowhere/file", 0));
}
static int try_making(void)
{
    return told(open("/nowhere/file", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
}
static int try_folder(void)
{
    return told(mkdirat(AT_FDCWD, "/nowhere/folder", 0700));
}
static int try_rmdir(void)
{
    return told(unlinkat(AT_FDCWD, "/nowhere/folder", AT_REMOVEDIR));
}
static int try_device(void)
{
    return told(mknodat(AT_FDCWD, "/nowhere/null", S_IFCHR | 0600, 0x103));
}
static int try_mode(void)
{
    return told(chmod("/nowhere/file", 04755));
}
static int try_code(void)
{
    return told((long)syscall(SYS_mmap, NULL, 4096L, (long)PROT_EXEC, (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L));
}
static int try_memory(void)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return told(p == MAP_FAILED ? -1 : munmap(p, 4096));
}
static int try_pipe(void)
{
    char c;
    return write(PIPE_IN, "x", 1) == 1 && read(PIPE_OUT, &c, 1) == 1 ? WORKS : told(-1);
}
static int try_tiocsti(void)
{
    return told(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}
static int try_window(void)
{
    struct winsize size;
    int r = ioctl(PIPE_OUT, TIOCGWINSZ, &size); /* the kernel's own answer is another error */
    return r < 0 && errno == ENOTTY ? WORKS : told(r);
}
static int try_unknown(void)
{
    return told(syscall(4000)); /* below x32's, and of no kernel yet */
}
#ifdef __x86_64__
static int try_x32(void)
{
    return told(syscall(0x40000000 + SYS_getpid));
}
#endif

/* The same in every role. */
#define ALL(of_all)                                                                                                    \
    {                                                                                                                  \
        [0 ... SANDBOX_ROLES - 1] = (of_all)                                                                           \
    }
static const struct trial {
    const char *name;
    int (*act)(void);
    int outcome[SANDBOX_ROLES]; /* in the roles' order: SUPERVISOR, DISK, RELAY, JAIL, PROGRAM, UNPACK, PACK, CLIENT,
                                   WATCH, LAYER, COPIER, LOGGER, SHARE, PULLER */
} trials[] = {
    {"execve",
     try_execve,
     {KILLED, KILLED, KILLED, KILLED, WORKS, KILLED, KILLED, KILLED, WORKS, KILLED, WORKS, KILLED, KILLED, WORKS}},
    {"ptrace", try_ptrace, ALL(KILLED)},
    {"mount", try_mount, ALL(KILLED)},
    {"bpf", try_bpf, ALL(KILLED)},
    {"unshare", try_unshare, ALL(KILLED)},
#ifdef __x86_64__
    {"a call of x32's", try_x32, ALL(KILLED)},
#endif
    {"fork",
     try_fork,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, REFUSED,
      REFUSED}},
    {"a namespace", try_namespace, ALL(REFUSED)},
    {"kill", try_kill, ALL(REFUSED)},
    {"a signal to another process", try_signal, ALL(REFUSED)},
    {"a signal to itself", try_own_signal, ALL(WORKS)},
    {"a signal to another process by a file", try_owner, ALL(REFUSED)},
    {"another process's limits", try_limit, ALL(REFUSED)},
    {"the time, from the kernel", try_clock, ALL(WORKS)},
    {"another number for a file",
     try_duplicate,
     {WORKS, REFUSED, REFUSED, REFUSED, WORKS, WORKS, REFUSED, REFUSED, WORKS, WORKS, WORKS, REFUSED, WORKS, WORKS}},
    {"a socket of IP",
     try_inet,
     {REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, REFUSED,
      WORKS}},
    {"a raw socket of IP",
     try_raw,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, REFUSED,
      REFUSED}},
    {"a socket of another protocol",
     try_protocol,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, REFUSED,
      WORKS}},
    {"a socket's mark",
     try_option,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, REFUSED, REFUSED,
      REFUSED, OTHERWISE}},
    {"a UNIX socket", try_unix, ALL(REFUSED)},
    {"a netlink socket",
     try_netlink,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, REFUSED,
      REFUSED}},
    {"opening to read",
     try_reading,
     {REFUSED, WORKS, REFUSED, REFUSED, WORKS, REFUSED, WORKS, REFUSED, WORKS, REFUSED, WORKS, REFUSED, WORKS, WORKS}},
    {"opening to write",
     try_writing,
     {REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, WORKS, REFUSED, WORKS,
      WORKS}},
    {"opening to write by openat2", try_writing_by_openat2, ALL(REFUSED)},
    {"creating a file",
     try_creating,
     {REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, WORKS, REFUSED, WORKS,
      WORKS}},
    {"removing a file",
     try_unlink,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, REFUSED, REFUSED, OTHERWISE, OTHERWISE, REFUSED,
      OTHERWISE, OTHERWISE}},
    {"a file that nothing is to be followed to",
     try_making,
     {REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, OTHERWISE, REFUSED, REFUSED, OTHERWISE, OTHERWISE, OTHERWISE,
      OTHERWISE, OTHERWISE, OTHERWISE}},
    {"a folder",
     try_folder,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, REFUSED, REFUSED, OTHERWISE, OTHERWISE, REFUSED,
      OTHERWISE, OTHERWISE}},
    {"removing a folder",
     try_rmdir,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, OTHERWISE, REFUSED,
      OTHERWISE, OTHERWISE}},
    {"a device",
     try_device,
     {KILLED, KILLED, KILLED, KILLED, KILLED, OTHERWISE, KILLED, KILLED, KILLED, OTHERWISE, KILLED, KILLED, OTHERWISE,
      KILLED}},
    {"a mode",
     try_mode,
     {REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, REFUSED,
      REFUSED, REFUSED}},
    {"memory that is code",
     try_code,
     {REFUSED, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, WORKS, REFUSED, REFUSED,
      WORKS}},
    {"writing into a terminal's input",
     try_tiocsti,
     {REFUSED, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, REFUSED, REFUSED, OTHERWISE, REFUSED, OTHERWISE, REFUSED,
      REFUSED, OTHERWISE}},
    {"a terminal's size",
     try_window,
     {WORKS, REFUSED, REFUSED, REFUSED, WORKS, REFUSED, REFUSED, WORKS, WORKS, REFUSED, WORKS, REFUSED, REFUSED,
      WORKS}},
    {"a call that nobody knows", try_unknown, ALL(REFUSED)},
    {"memory", try_memory, ALL(WORKS)},
    {"reading and writing", try_pipe, ALL(WORKS)},
};

static int outcome_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? KILLED : -WTERMSIG(status);
    return WEXITSTATUS(status);
}

static int in_child(enum sandbox_role role, int (*act)(void))
{
    int ends[2];
    parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR); /* no terminal */
        if (pipe(ends) < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(ends[0], PIPE_OUT) < 0 ||
            dup2(ends[1], PIPE_IN) < 0 || sandbox_enter(role, NULL) < 0)
            leave(NOT_SET_UP);
        leave(act());
    }
    return outcome_of(pid);
}

static bool here(void)
{
    return syscall(SYS_seccomp, 2 /* SECCOMP_GET_ACTION_AVAIL */, 0, &(uint32_t){0x7ff00000 /* LOG */}) == 0 ||
           errno != ENOSYS;
}

static void test_roles(void **state)
{
    (void)state;
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 || !here())
        skip(); /* qemu-user */
    int wrong = 0;
    for (int role = 0; role < SANDBOX_ROLES; role++)
        for (size_t i = 0; i < sizeof(trials) / sizeof(*trials); i++) {
            int got = in_child((enum sandbox_role)role, trials[i].act);
            if (got != trials[i].outcome[role])
                wrong++, print_error("role %d, %s: %d, not %d\n", role, trials[i].name, got, trials[i].outcome[role]);
        }
    assert_int_equal(wrong, 0);
}

/* VM_LOG_LEVEL=debug: the same outcome, and a line with the number. */
static void test_refusals_are_told(void **state)
{
    (void)state;
    char said[512] = "", want[64];
    int ends[2];
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 || !here())
        skip();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(ends[1], STDERR_FILENO);
            log_set_level(LOG_DEBUG);
            sandbox_enter(SANDBOX_SUPERVISOR, NULL);
            leave(i ? try_execve() : try_kill());
        }
        close(ends[1]);
        assert_int_equal(outcome_of(pid), i ? 128 + SIGSYS : REFUSED);
        ssize_t n = read(ends[0], said, sizeof(said) - 1);
        close(ends[0]);
        said[n > 0 ? n : 0] = '\0';
        snprintf(want, sizeof(want), "entry asks for the system call %d, which is refused\n",
                 i ? SYS_execve : SYS_kill);
        assert_non_null(strstr(said, want));
    }
}

/* What a filter cannot tell, a folder from another, Landlock does; and capabilities say the rest. */
static int try_unpacking(int folder, bool exact)
{
    const int make = O_WRONLY | O_CREAT | O_NOFOLLOW;
    if (openat(folder, "new", make, 0600) < 0 || mkdirat(folder, "sub", 0700) < 0 ||
        linkat(folder, "new", folder, "sub/link", 0) < 0 || fchownat(folder, "new", 7, 7, 0) != (exact ? 0 : -1) ||
        mknodat(folder, "null", S_IFCHR | 0600, 0x103) != (exact ? 0 : -1))
        return OTHERWISE;
    if (openat(folder, "../outside", make, 0600) >= 0 || mkdirat(folder, "../sub", 0700) == 0 ||
        linkat(folder, "new", folder, "../link", 0) == 0 || unlinkat(folder, "../mine", 0) == 0)
        return WORKS;
    return REFUSED;
}

static void test_unpacking(void **state)
{
    (void)state;
    char dir[] = "/tmp/unpack.XXXXXX", command[64];
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */) < 2)
        skip();
    assert_non_null(mkdtemp(dir));
    int top = open(dir, O_PATH | O_DIRECTORY);
    for (int exact = 0; exact < 2; exact++) {
        close(openat(top, "mine", O_WRONLY | O_CREAT, 0600));
        assert_int_equal(mkdirat(top, exact ? "exact" : "not", 0700), 0);
        int folder = openat(top, exact ? "exact" : "not", O_PATH | O_DIRECTORY);
        pid_t pid = fork();
        if (pid == 0)
            leave(confine_unpacking(folder, exact, NULL) < 0 ? NOT_SET_UP : try_unpacking(folder, exact));
        assert_int_equal(outcome_of(pid), REFUSED);
        close(folder);
    }
    close(top);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* As tar_pack in that folder, where somebody has put a link to another in a folder's place. */
static int try_packing(int folder)
{
    DIR *list = opendir(".");
    bool listed = list && readdir(list);
    int inside = openat(folder, "inside", O_RDONLY);
    if (!listed || inside < 0)
        return OTHERWISE;
    if (open("swapped/inside", O_RDONLY) >= 0 || opendir("swapped") || openat(folder, "inside", O_WRONLY) >= 0)
        return WORKS;
    return REFUSED;
}

static void test_packing(void **state)
{
    (void)state;
    char dir[] = "/tmp/pack.XXXXXX", command[160];
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */) < 1)
        skip();
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof(command),
             "cd %s; mkdir own other; echo >own/inside; echo >other/inside; ln -s ../other own/swapped", dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "%s/own", dir);
    int folder = open(command, O_PATH | O_DIRECTORY);
    pid_t pid = fork();
    if (pid == 0)
        leave(fchdir(folder) < 0 || confine_packing(folder, NULL) < 0 ? NOT_SET_UP : try_packing(folder));
    assert_int_equal(outcome_of(pid), REFUSED);
    close(folder);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static int try_below(int folder)
{
    int inside = openat(folder, "inside", O_RDONLY), outside = open("/proc/self/status", O_RDONLY);
    if (inside < 0)
        return OTHERWISE;
    if (outside >= 0 || openat(folder, "inside", O_WRONLY) >= 0 || openat(folder, "..", O_RDONLY | O_DIRECTORY) >= 0 ||
        mkdirat(folder, "new", 0700) == 0)
        return WORKS;
    return REFUSED;
}

static void test_landlock(void **state)
{
    (void)state;
    char dir[] = "/tmp/landlock.XXXXXX";
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */) < 1)
        skip();
    assert_non_null(mkdtemp(dir));
    int folder = open(dir, O_PATH | O_DIRECTORY);
    close(openat(folder, "inside", O_WRONLY | O_CREAT, 0600));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        leave(landlock_read_below(folder, NULL) < 0 ? NOT_SET_UP : try_below(folder));
    }
    assert_int_equal(outcome_of(pid), REFUSED);
    unlinkat(folder, "inside", 0);
    rmdir(dir);
    close(folder);
}

/* A bit for each that is open. */
static unsigned open_ones(void)
{
    unsigned bits = 0;
    for (int fd = 0; fd < 32; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            bits |= 1U << fd;
    return bits;
}

static void test_descriptors(void **state)
{
    (void)state;
    static const struct {
        int kept[4];
        size_t count;
        unsigned left;
    } rows[] = {{{0}, 0, 0},
                {{20, 3, -1, 10}, 4, 1U << 20 | 1U << 3 | 1U << 10},
                {{2, 1, 0, 31}, 4, 7 | 1U << 31},
                {{-1, 9, 9, 10}, 4, 3U << 9}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int left[2], kept[4];
        assert_int_equal(pipe(left), 0);
        pid_t pid = fork();
        if (pid == 0) {
            for (int fd = 0; fd < 32; fd++)
                dup2(left[1], fd);
            int far = fcntl(left[1], F_DUPFD, 100);
            memcpy(kept, rows[i].kept, sizeof(kept));
            int r = descriptors_keep(kept, rows[i].count);
            leave(r < 0 || fcntl(far, F_GETFD) >= 0 || open_ones() != rows[i].left);
        }
        close(left[0]);
        close(left[1]);
        assert_int_equal(outcome_of(pid), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles),     cmocka_unit_test(test_refusals_are_told), cmocka_unit_test(test_landlock),
        cmocka_unit_test(test_unpacking), cmocka_unit_test(test_packing),           cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
