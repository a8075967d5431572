#include "guest-init/command.h"

#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/io.h"
#include "common/settings.h"
#include "common/signals.h"
#include "common/user.h"
#include "guest-init/limits.h"
#include "guest-init/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Which step of the child failed, and why: it goes to init through a pipe. */
struct failure {
    enum { FAILED_NAMESPACE, FAILED_DIRECTORY, FAILED_USER, FAILED_EXEC } step;
    int error;
};

static int become(const struct user *user)
{
    return setgroups(user->group_count, user->groups) < 0 || setgid(user->gid) < 0 || setuid(user->uid) < 0 ? -1 : 0;
}

/* env, plus variables that a command may expect and env lacks.  Runs in the child, so nothing is freed. */
static char **complete(char *const *env, const struct user *user, bool tty)
{
    char hostname[65] = "", *defaults[4] = {"PATH=" COMMAND_PATH};
    static const char *const names[] = {"PATH", "HOME", "HOSTNAME", "TERM"};
    size_t count = 0;
    gethostname(hostname, sizeof(hostname) - 1);
    (void)!asprintf(&defaults[1], "HOME=%s", user->home);
    (void)!asprintf(&defaults[2], "HOSTNAME=%s", hostname);
    defaults[3] = "TERM=xterm";
    while (env[count])
        count++;
    char **all = calloc(count + 5, sizeof(*all));
    if (!all)
        return (char **)env;
    memcpy(all, env, count * sizeof(*all));
    for (size_t i = 0; i < (tty ? 4 : 3); i++)
        if (!lists_value(all, names[i]))
            all[count++] = defaults[i];
    return all;
}

/* A command that is PID 1 gets a /proc that shows its own processes; later commands see its mounts. */
static int enter(const struct command *c)
{
    if (c->mounts >= 0)
        return setns(c->mounts, CLONE_NEWNS);
    if (!c->pid1)
        return 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    char terminal[64];
    if (c->tty && ttyname_r(STDIN_FILENO, terminal, sizeof(terminal)) == 0)
        /* where init systems print their messages, as in Docker */
        mount(terminal, "/dev/console", NULL, MS_BIND, NULL);
    umount2("/proc", MNT_DETACH);
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* In a container, process 1 is the command, so programs that run as the command's user may write to /proc/1/fd/1 and
 * signal process 1.  Here, process 1 is init.  So links to the command's descriptors cover init's, and the kernel
 * itself decides who may open them; and init's saved user is the command's (command_start).  Without a size, df(1) does
 * not show the tmpfs. */
static void stand_in(const struct command *c)
{
    char target[32], link[32];
    if (!c->first || getppid() != 1 ||
        mount("fd", "/proc/1/fd", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0555,size=0") < 0)
        return;
    for (int fd = 0; fd < 3; fd++) {
        snprintf(target, sizeof(target), "/proc/%d/fd/%d", getpid(), fd);
        snprintf(link, sizeof(link), "/proc/1/fd/%d", fd);
        (void)!symlink(target, link);
    }
}

/* No exec closes init's descriptors here, so this function does. */
static void run_part(const struct command *c, int report)
{
    close(report);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    _exit(c->part(c->argv));
}

static void child(const struct command *c, const struct user *user, const int stdio[3], int report)
{
    signals_default();
    setsid();
    limits_apply();
    for (int fd = 0; fd < 3; fd++)
        if (dup2(stdio[fd], fd) >= 0 && (c->tty || lseek(fd, 0, SEEK_CUR) < 0)) /* not a seekable file: /dev/null */
            (void)!fchown(fd, user->uid, c->tty ? 5 : user->gid); /* so that it can open /dev/stdout; 5: tty */
    if (c->tty)
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    environ = complete(c->env, user, c->tty); /* so that PATH is the command's */
    struct failure f = {.step = FAILED_EXEC};
    stand_in(c);
    if (enter(c) < 0)
        f.step = FAILED_NAMESPACE;
    else if (become(user) < 0)
        f.step = FAILED_USER;
    else if (chdir(*c->directory ? c->directory : "/") < 0)
        f.step = FAILED_DIRECTORY;
    else if (c->part)
        run_part(c, report);
    else if (c->program >= 0)
        fexecve(c->program, c->argv, environ);
    else
        execvp(c->argv[0], c->argv);
    f.error = errno;
    (void)io_write_all(report, &f, sizeof(f));
    _exit(127);
}

static pid_t explain(const struct command *c, const struct failure *f, uint32_t *code, struct err *err)
{
    errno = f->error;
    switch (f->step) {
    case FAILED_NAMESPACE:
        return err_sys(err, "cannot create namespaces for '%s' in the guest", c->argv[0]);
    case FAILED_DIRECTORY:
        return err_sys(err, "cannot change to the directory %s in the guest", c->directory);
    case FAILED_USER:
        return err_sys(err, "cannot become user '%s' in the guest", c->user);
    case FAILED_EXEC:
    default:
        *code = f->error == ENOENT || f->error == ENOTDIR ? 127 : 126;
        return err_sys(err, "cannot run '%s' in the guest", c->argv[0]);
    }
}

static int look_up(const char *spec, struct user *user, struct err *err)
{
    cleanup_free char *passwd = io_read_file(AT_FDCWD, "/etc/passwd", USER_FILE_MAX, NULL);
    cleanup_free char *group = io_read_file(AT_FDCWD, "/etc/group", USER_FILE_MAX, NULL);
    return user_find(spec, passwd ? passwd : "", group ? group : "", user, err);
}

pid_t command_start(const struct command *c, const int stdio[3], uint32_t *code, struct err *err)
{
    struct user user;
    int report[2];
    *code = EXIT_OURS;
    if (look_up(c->user, &user, err) < 0)
        return -1;
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(err, "cannot run '%s' in the guest", c->argv[0]);
    cleanup_close int report_read = report[0], report_write = report[1];
    /* Only kill(2) compares the saved user, so only that one is set.  With the command's user as init's real one, that
     * user could also set init's priority, policy and affinity, which everything that init starts inherits, and the
     * kernel would count init's processes as that user's. */
    if (c->first && getpid() == 1)
        (void)!setresuid(0, 0, user.uid);
    /* The new namespace is for all processes forked from now on; the first is its PID 1. */
    if (c->pid1 && unshare(CLONE_NEWPID) < 0) {
        err_sys(err, "cannot run '%s' as PID 1 in the guest", c->argv[0]);
        err_hint(err, "the guest's kernel needs PID_NS");
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        child(c, &user, stdio, report_write);
    if (pid < 0)
        return err_sys(err, "cannot run '%s' in the guest", c->argv[0]);
    close(steal_fd(&report_write));
    struct failure f;
    if (io_read_full(report_read, &f, sizeof(f)) != sizeof(f))
        return pid;
    waitpid(pid, NULL, 0);
    return explain(c, &f, code, err);
}

int command_mounts(pid_t pid)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* reboot(2), "Behavior inside PID namespaces": halting and powering off kills its first process with SIGINT, rebooting
 * with SIGHUP.  Nothing else can kill it that way: of all signals with their default action, such a process receives
 * only SIGKILL, and only from outside. */
int command_pid1_status(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? 0 : status;
}
