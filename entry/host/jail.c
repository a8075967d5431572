#include "entry/host/jail.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/io.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/sandbox.h"
#include "common/signals.h"
#include "entry/host/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Where mounts are prepared: a file beside the chroot. */
#define OUTSIDE "outside"

static bool same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Bind-mounts a file into the chroot, where a jailer that runs already sees it, too.  Nothing is copied, and a
 * read-only file is read-only for the kernel, whatever the jailed uid may do: the mount is prepared at a place outside
 * the chroot and moved from there, because changes to a mount do not reach its copies. */
int jail_add(const struct jail_plan *plan, const struct jail *j, const struct jail_file *file, struct err *err)
{
    char outside[4096], target[32];
    snprintf(outside, sizeof(outside), "%s/" OUTSIDE, plan->dir);
    if (mount(file->source, outside, NULL, MS_BIND, NULL) < 0)
        return err_sys(err, "cannot mount %s into the jail", file->source);
    cleanup_close int mounted = open(outside, O_PATH | O_CLOEXEC);
    if (file->fd >= 0 && !same_file(file->fd, mounted))
        return err_set(err, "cannot mount %s into the jail: another process replaced it", file->source);
    if (!file->writable &&
        mount(NULL, outside, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        return err_sys(err, "cannot mount %s read-only into the jail", file->source);
    cleanup_close int fd = openat(j->root, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    if (fd < 0)
        return err_sys(err, "cannot create %s in the jail", file->name);
    snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    if (mount(outside, target, NULL, MS_MOVE, NULL) < 0)
        return err_sys(err, "cannot mount %s into the jail", file->source);
    return 0;
}

/* A FIFO for Firecracker's output, as its documentation advises: a file could grow without bound. */
static int make_fifo(const struct jail_plan *plan, int root, const char *path, struct err *err)
{
    cleanup_close int fd = -1;
    if (mkfifoat(root, path + 1, 0600) < 0 || (fd = openat(root, path + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0 ||
        fchown(fd, plan->uid, plan->gid) < 0)
        return err_sys(err, "cannot create %s in the jail", path);
    return steal_fd(&fd);
}

/* The chroot folder is a mount that shares what is mounted in it with its copies (mount_namespaces(7)): the jailer's
 * mount namespace has one, whenever it is made, and the jailer makes it a slave.  So the files of the disks can come
 * once they are complete. */
static int make_root(const char *root, struct err *err)
{
    if (mkdir(root, 0700) < 0 || mount(root, root, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, root, NULL, MS_SHARED, NULL) < 0)
        return err_sys(err, "cannot create the jail in %s", root);
    return 0;
}

static int make_outside(const struct jail_plan *plan, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/" OUTSIDE, plan->dir);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    return fd < 0 ? err_sys(err, "cannot create %s", path) : 0;
}

int jail_make(const struct jail_plan *plan, struct jail *j, struct err *err)
{
    char root[4096];
    snprintf(root, sizeof(root), "%s/root", plan->dir);
    if (make_root(root, err) < 0 || make_outside(plan, err) < 0)
        return -1;
    if ((j->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 || mkdirat(j->root, "run", 0700) < 0 ||
        (j->run = openat(j->root, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return err_sys(err, "cannot create the jail in %s", plan->dir);
    for (unsigned i = 0; i < JAIL_FILES; i++)
        if (jail_add(plan, j, &plan->files[i], err) < 0)
            return -1;
    j->log = make_fifo(plan, j->root, plan->log, err);
    j->metrics = j->log < 0 ? -1 : make_fifo(plan, j->root, plan->metrics, err);
    return j->metrics < 0 ? -1 : 0;
}

int jail_complete(const struct jail *j, struct err *err)
{
    char root[32];
    snprintf(root, sizeof(root), "/proc/self/fd/%d", j->root);
    return mount(NULL, root, NULL, MS_PRIVATE | MS_REC, NULL) < 0
               ? err_sys(err, "cannot separate the jail's mounts from the host's")
               : 0;
}

/* The jailer lets Firecracker have this many open files (src/jailer/src/resource_limits.rs), and fails if the
 * container's own limit is lower; then that one holds. */
enum { FILES_MAX = 2048 };

static void limit_files(char argument[32])
{
    struct rlimit own = {.rlim_max = FILES_MAX};
    getrlimit(RLIMIT_NOFILE, &own);
    snprintf(argument, 32, "no-file=%llu", (unsigned long long)(own.rlim_max < FILES_MAX ? own.rlim_max : FILES_MAX));
}

static void exec_jailer(const struct jail_plan *plan, int console, int report)
{
    char uid[16], gid[16], files[32];
    limit_files(files);
    snprintf(uid, sizeof(uid), "%u", plan->uid);
    snprintf(gid, sizeof(gid), "%u", plan->gid);
    const char *const options[] = {
        "jailer", "--id",  plan->id, "--exec-file",       plan->firecracker, "--uid",
        uid,      "--gid", gid,      "--chroot-base-dir", plan->base,        "--resource-limit",
        files,    NULL};
    const char *const vmm[] = {"--",      "--api-sock", plan->api_socket, "--log-path",
                               plan->log, "--level",    "Warning",        NULL};
    const char *const *const parts[] = {options, plan->extra, vmm};
    const char *argv[64];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(parts); i++)
        for (const char *const *arg = parts[i]; *arg && n < COUNT(argv) - 1; arg++)
            argv[n++] = *arg;
    argv[n] = NULL;
    /* The environment belongs to the user, secrets included, and the VMM does not need it.  The jailer also panics if
     * it is not UTF-8. */
    char *const empty[] = {NULL};
    privilege_bound(plan->capabilities);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(console, STDOUT_FILENO) >= 0 &&
        dup2(console, STDERR_FILENO) >= 0)
        execve(plan->jailer, (char *const *)argv, empty);
    struct failure_report r = {.failed = errno};
    (void)io_write_all(report, &r, sizeof(r));
    _exit(127);
}

/* The namespace's first process.  The parent-death signal would be lost in the jailer, which changes its uid; it holds
 * here, and the kernel kills a PID namespace with its first process.  So a VM does not survive its entry, even if entry
 * and its keeper are killed by SIGKILL.  The signal counts as sent by the user that entry has by then. */
static void first_process(const struct jail_plan *plan, int console, int report, int entry)
{
    signals_default();
    setsid(); /* a terminal's Ctrl-C is for the command in the guest, not for the VMM */
    pid_t pid = fork();
    if (pid == 0)
        exec_jailer(plan, console, report);
    struct failure_report r = {.failed = pid < 0 ? errno : 0};
    struct pollfd ended = {.fd = entry, .events = POLLIN};
    if (privilege_drop(plan->supervisor, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        r.failed = errno;
    if (poll(&ended, 1, 0) != 0)
        _exit(1);
    /* Locks on disks and the other ends of pipes must not stay open here. */
    int kept[] = {report};
    if (descriptors_keep(kept, 1) < 0 || sandbox_enter(SANDBOX_JAIL, NULL) < 0)
        r.failed = errno;
    if (!r.failed)
        process_wait(pid, &r.status);
    (void)io_write_all(report, &r, sizeof(r));
    _exit(0);
}

int jail_start(const struct jail_plan *plan, struct jail *j, struct err *err)
{
    int console[2], report[2];
    if (pipe2(console, O_CLOEXEC) < 0)
        return err_sys(err, "cannot start the jailer");
    cleanup_close int console_write = console[1];
    j->console = console[0];
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(err, "cannot start the jailer");
    cleanup_close int report_write = report[1];
    j->report = report[0];
    cleanup_close int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0)
        return err_sys(err, "cannot watch the jail's processes (pidfd_open needs Linux 5.4)");

    /* fork with flags that fork lacks; the child does nothing that libc would need to know of. */
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_PIDFD | SIGCHLD, NULL, &j->pid_fd, NULL, NULL);
    if (pid == 0)
        first_process(plan, console_write, report_write, self);
    if (pid < 0) {
        err_sys(err, "cannot create a PID namespace for the jail");
        err_hint(err, "it needs CAP_SYS_ADMIN");
        return -1;
    }
    j->pid = pid;
    return 0;
}

void jail_close(struct jail *j)
{
    close(steal_fd(&j->root));
    close(steal_fd(&j->run));
}

int jail_explain(struct jail *j, struct err *err)
{
    char said[4096], logged[4096];
    ssize_t n = io_read_full(j->console, said, sizeof(said) - 1);
    said[n > 0 ? n : 0] = '\0';
    n = io_read_full(j->log, logged, sizeof(logged) - 1);
    logged[n > 0 ? n : 0] = '\0';
    failure_explain(j->report, said, logged, err);
    return -1;
}

void jail_remove(void *handle)
{
    struct jail *j = handle;
    process_end(&j->pid_fd);
    int *const fds[] = {&j->root, &j->run, &j->console, &j->log, &j->metrics, &j->report};
    for (size_t i = 0; i < COUNT(fds); i++)
        if (*fds[i] >= 0)
            close(steal_fd(fds[i]));
}
