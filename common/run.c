/* Output of a program that is trusted goes to memory files, so that the program never waits for a reader, and can be
 * started long before it is needed.  Output that others can influence goes through a pipe, and only its end is kept: a
 * disk that a guest wrote makes e2fsck print as much as the guest likes. */
#include "common/run.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/io.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/sandbox.h"
#include "common/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const char usual_path[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

bool run_find(const char *name, char *path, size_t size)
{
    const char *lists[] = {getenv("PATH"), usual_path};
    for (size_t i = 0; i < 2; i++)
        for (const char *p = lists[i]; p && *p;) {
            size_t len = strcspn(p, ":");
            if (len && (size_t)snprintf(path, size, "%.*s/%s", (int)len, p, name) < size && access(path, X_OK) == 0)
                return true;
            p += len + (p[len] == ':');
        }
    return false;
}

static int memory_file(void)
{
    return memfd_create("program", MFD_CLOEXEC);
}

static void keep_end(struct buf *out, size_t most)
{
    if (out->len > most)
        buf_drop(out, out->len - RUN_OUTPUT_MAX);
}

/* Reads until the program has closed its outputs; if the work is cancelled, the program gets SIGTERM.  The buffer holds
 * twice what is kept, so that not every read moves everything. */
static void listen_to(const char *name, pid_t pid, int fd, struct buf *out)
{
    char chunk[16384];
    bool cancelled = false;
    unsigned long long all = 0;
    ssize_t n = 1;
    do {
        if (!cancelled && !cancel_wait(fd, -1)) {
            if ((cancelled = cancel_wanted()))
                kill(pid, SIGTERM);
            continue;
        }
        n = read(fd, chunk, sizeof(chunk));
        if (n > 0)
            buf_add(out, chunk, (size_t)n), all += (size_t)n;
        keep_end(out, 2 * RUN_OUTPUT_MAX);
    } while (n > 0 || (n < 0 && errno == EINTR));
    keep_end(out, RUN_OUTPUT_MAX);
    if (all > RUN_OUTPUT_MAX)
        log_debug("%s printed %llu bytes; only the last %d are kept", name, all, RUN_OUTPUT_MAX);
}

static int collect(int fd, struct buf *out)
{
    char chunk[16384];
    ssize_t n;
    if (!out)
        return 0;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    while ((n = io_read_full(fd, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)n);
    return n < 0 || buf_failed(out) ? -1 : 0;
}

struct spawned {
    const char *path;
    const char *const *argv;
    char *const *env;
    int fds[3]; /* the program's stdin, stdout and stderr */
    pid_t parent;
    int failed; /* errno */
};

/* The child shares the parent's memory until it executes the program, so AddressSanitizer would never see this frame
 * end. */
__attribute__((no_sanitize("address"))) static int spawn_child(void *data)
{
    struct spawned *s = data;
    int fds[3], kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    process_end_with(s->parent);
    for (int i = 0; i < 3; i++)
        fds[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    signals_default();
    if (dup2(fds[0], STDIN_FILENO) >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0 && dup2(fds[2], STDERR_FILENO) >= 0 &&
        descriptors_keep(kept, 3) == 0)
        execve(s->path, (char *const *)s->argv, s->env);
    s->failed = errno;
    return 127;
}

/* Starts a program that has no signal blocked or ignored, no descriptors but its three, and that ends with this
 * process: iptables-restore must not add the rules of a VM that has been killed when the next one has looked for them
 * already.  This works like posix_spawn, which cannot do the last of these: no memory is copied, so the program starts
 * 0.7 ms sooner than after a fork, and this process waits until the program is executed. */
static int spawn(pid_t *pid, const char *path, const char *const argv[], int in, int out, int complaints)
{
    enum { STACK = 64 * 1024 };
    _Alignas(16) char stack[STACK];
    char path_variable[sizeof(usual_path) + 5];
    char *const env[] = {path_variable, "LC_ALL=C", NULL};
    struct spawned s = {path, argv, env, {in, out, complaints}, getpid(), 0};
    sigset_t all, before;
    snprintf(path_variable, sizeof(path_variable), "PATH=%s", usual_path);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* a handler would run in the child with our memory */
    *pid = clone(spawn_child, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &s);
    int saved = *pid < 0 ? errno : s.failed;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (*pid > 0 && s.failed)
        process_wait(*pid, NULL);
    errno = saved;
    return saved ? -1 : 0;
}

/* In the child.  A descriptor's new number may be the old number of another that is still needed, so all are first
 * moved out of the way. */
static int take_descriptors(const struct run_as *as, int in, int out, int complaints, int *report)
{
    int all[3 + RUN_FDS_MAX + 1] = {in, out, complaints}, count = 3;
    for (unsigned i = 0; i < as->fd_count && i < RUN_FDS_MAX; i++)
        all[count++] = as->fds[i];
    all[count++] = *report;
    for (int i = 0; i < count; i++)
        if ((all[i] = fcntl(all[i], F_DUPFD_CLOEXEC, count)) < 0)
            return -1;
    *report = all[count - 1];
    for (int i = 0; i < count - 1; i++)
        if (dup2(all[i], i) < 0)
            return -1;
    if (dup3(*report, count - 1, O_CLOEXEC) < 0)
        return -1;
    *report = count - 1;
    for (int i = 0; i < count; i++)
        all[i] = i;
    return descriptors_keep(all, (size_t)count);
}

static int limit_memory(uint64_t bytes)
{
    struct rlimit limit;
    if (!bytes)
        return 0;
    if (getrlimit(RLIMIT_DATA, &limit) < 0)
        return -1;
    limit.rlim_max = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    limit.rlim_cur = bytes < limit.rlim_cur ? bytes : limit.rlim_cur;
    return setrlimit(RLIMIT_DATA, &limit);
}

/* The child's end of start_as. */
static void become_program(const char *path, const char *const argv[], const struct run_as *as, int in, int out,
                           int complaints, int report)
{
    char path_variable[sizeof(usual_path) + 5];
    char *const env[] = {path_variable, "LC_ALL=C", NULL};
    snprintf(path_variable, sizeof(path_variable), "PATH=%s", usual_path);
    signals_default();
    if (take_descriptors(as, in, out, complaints, &report) == 0 &&
        privilege_drop_for_program(as->uid, as->capabilities) == 0 &&
        sandbox_enter(as->puller   ? SANDBOX_PULLER
                      : as->copier ? SANDBOX_COPIER
                                   : SANDBOX_PROGRAM,
                      NULL) == 0 &&
        limit_memory(as->memory) == 0)
        execve(path, (char *const *)argv, env);
    int failed = errno;
    (void)io_write_all(report, &failed, sizeof(failed));
    _exit(127);
}

/* Does what posix_spawn cannot: changes the user and confines the program.  A pipe reports why the program does not
 * run. */
static int start_as(pid_t *pid, const char *path, const char *const argv[], const struct run_as *as, int in, int out,
                    int complaints)
{
    int ends[2], failed;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    cleanup_close int report = ends[0], child_end = ends[1];
    *pid = fork();
    if (*pid == 0)
        become_program(path, argv, as, in, out, complaints, child_end);
    close(steal_fd(&child_end));
    if (*pid < 0)
        return -1;
    if (io_read_full(report, &failed, sizeof(failed)) != sizeof(failed))
        return 0;
    process_wait(*pid, NULL);
    *pid = 0;
    errno = failed;
    return -1;
}

/* Without pidfds (before Linux 5.3), the program cannot be cancelled; otherwise, nothing changes. */
static void cancel_or_end(pid_t pid)
{
    cleanup_close int end = (int)syscall(SYS_pidfd_open, pid, 0);
    while (end >= 0 && !cancel_wait(end, -1))
        if (cancel_wanted()) {
            kill(pid, SIGTERM);
            return;
        }
}

int run_start(struct run *r, const char *const argv[], bool together, struct err *err)
{
    char path[4096];
    int ends[2];
    *r = (struct run)RUN_NONE;
    if (!run_find(argv[0], path, sizeof(path)))
        return err_set(err, "cannot run %s: there is no such program", argv[0]);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return err_sys(err, "cannot create a pair of sockets");
    cleanup_close int feed = ends[0], in = ends[1], said = memory_file();
    cleanup_close int complaints = together ? -1 : memory_file();
    if (said < 0 || (complaints < 0 && !together))
        return err_sys(err, "cannot create a memory file");
    if (spawn(&r->pid, path, argv, in, said, together ? said : complaints))
        return err_sys(err, "cannot run %s", path);
    r->name = argv[0];
    r->feed = steal_fd(&feed);
    r->said = steal_fd(&said);
    r->complaints = steal_fd(&complaints);
    return 0;
}

/* shutdown marks the end of the input, as a child of ours may have inherited the socket. */
void run_feed(struct run *r, const void *input, size_t len)
{
    for (const char *p = input, *end = p ? p + len : p; p < end && !r->failed;) {
        ssize_t n = sendto(r->feed, p, (size_t)(end - p), MSG_NOSIGNAL, NULL, 0);
        if (n >= 0)
            p += n;
        else if (errno == EPIPE || errno == ECONNRESET)
            break; /* the program takes no more input: its status will say why */
        else if (errno != EINTR)
            r->failed = errno;
    }
    shutdown(r->feed, SHUT_WR);
}

/* Its end: -1 with errno. */
static int wait_for(pid_t pid, int *status)
{
    cancel_or_end(pid);
    return process_wait(pid, status);
}

static int result(const char *name, int status, struct err *err)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return err_set(err, "%s was killed by its seccomp filter: its input made it try a forbidden system call", name);
    return WIFEXITED(status) ? WEXITSTATUS(status) : err_set(err, "%s was killed by signal %d", name, WTERMSIG(status));
}

static int finish_run(struct run *r, struct buf *out, struct buf *complaints, struct err *err)
{
    int status;
    if (wait_for(r->pid, &status) < 0)
        return err_sys(err, "cannot wait for a program");
    errno = r->failed;
    if (errno)
        return err_sys(err, "cannot write to the stdin of a program");
    if (collect(r->said, out) < 0 || (r->complaints >= 0 && collect(r->complaints, complaints) < 0))
        return err_sys(err, "cannot read the output of a program");
    return result(r->name, status, err);
}

int run_finish(struct run *r, struct buf *out, struct buf *complaints, struct err *err)
{
    int status = finish_run(r, out, complaints, err);
    close(r->feed);
    close(r->said);
    if (r->complaints >= 0)
        close(r->complaints);
    *r = (struct run)RUN_NONE;
    return status;
}

int run_program(const char *const argv[], const void *input, size_t len, struct buf *out, struct buf *complaints,
                struct err *err)
{
    struct run r;
    if (run_start(&r, argv, out == complaints, err))
        return -1;
    run_feed(&r, input, len);
    return run_finish(&r, out, complaints, err);
}

int run_as_start(struct run_as_started *r, const char *const argv[], const struct run_as *as, struct err *err)
{
    char path[4096];
    int ends[2];
    *r = (struct run_as_started)RUN_AS_NONE;
    if (!run_find(argv[0], path, sizeof(path)))
        return err_set(err, "cannot run %s: there is no such program", argv[0]);
    cleanup_close int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cannot run %s", path);
    cleanup_close int said = ends[0], out = ends[1];
    if (start_as(&r->pid, path, argv, as, nothing, out, out) < 0) {
        r->pid = 0;
        return err_sys(err, "cannot run %s", path);
    }
    r->name = argv[0];
    r->said = steal_fd(&said);
    return 0;
}

int run_as_finish(struct run_as_started *r, struct buf *output, struct err *err)
{
    int status;
    listen_to(r->name, r->pid, r->said, output);
    close(steal_fd(&r->said));
    pid_t pid = r->pid;
    r->pid = 0;
    if (wait_for(pid, &status) < 0)
        return err_sys(err, "cannot wait for a program");
    return buf_failed(output) ? err_set(err, "out of memory") : result(r->name, status, err);
}

void run_as_stop(struct run_as_started *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    process_wait(r->pid, NULL);
    close(steal_fd(&r->said));
    r->pid = 0;
}

int run_program_as(const char *const argv[], const struct run_as *as, struct buf *output, struct err *err)
{
    struct run_as_started r;
    return run_as_start(&r, argv, as, err) < 0 ? -1 : run_as_finish(&r, output, err);
}

const char *run_first_line(struct buf *text)
{
    if (!text->data)
        return "";
    text->data[strcspn(text->data, "\n")] = '\0';
    return text->data;
}

const char *run_last_line(struct buf *text)
{
    if (!text->data)
        return "";
    while (text->len > 0 && (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == ' '))
        text->data[--text->len] = '\0';
    const char *line = memrchr(text->data, '\n', text->len);
    return line ? line + 1 : text->data;
}
