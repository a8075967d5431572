#include "guest-init/command.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/signals.h"
#include "guest-init/lists.h"
#include "guest-init/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Which step of the child failed, and why: it goes to init through a pipe. */
struct failure {
    enum { FAILED_DIRECTORY, FAILED_USER, FAILED_EXEC } step;
    int error;
};

static int become(const struct user *user)
{
    return setgroups(user->group_count, user->groups) < 0 || setgid(user->gid) < 0 || setuid(user->uid) < 0 ? -1 : 0;
}

/* env, and what a command may expect and env lacks.  In the child: nothing is freed. */
static char **complete(char *const *env, const struct user *user, bool tty)
{
    char hostname[65] = "", *defaults[4] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
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

static void child(const struct command *c, const struct user *user, const int stdio[3], int report)
{
    /* As systemd and Docker set it: room for servers, and 1024 as the soft limit for those that select(2)
     * or close all they could have open. */
    struct rlimit files = {1024, 524288};
    signals_default();
    setsid();
    setrlimit(RLIMIT_NOFILE, &files);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(stdio[fd], fd) >= 0 && (c->tty || lseek(fd, 0, SEEK_CUR) < 0)) /* not what can seek: /dev/null */
            (void)!fchown(fd, user->uid, c->tty ? 5 : user->gid); /* so that it can open /dev/stdout; 5: tty */
    if (c->tty)
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    struct failure f = {.step = FAILED_USER};
    environ = complete(c->env, user, c->tty); /* so that PATH is the command's */
    if (become(user) == 0) {
        f.step = FAILED_DIRECTORY;
        if (chdir(*c->directory ? c->directory : "/") == 0) {
            f.step = FAILED_EXEC;
            if (c->program >= 0)
                fexecve(c->program, c->argv, environ);
            else
                execvp(c->argv[0], c->argv);
        }
    }
    f.error = errno;
    (void)io_write_all(report, &f, sizeof(f));
    _exit(127);
}

static pid_t explain(const struct command *c, const struct failure *f, uint32_t *code, struct err *err)
{
    errno = f->error;
    switch (f->step) {
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

pid_t command_start(const struct command *c, const int stdio[3], uint32_t *code, struct err *err)
{
    struct user user;
    int report[2];
    *code = 125;
    if (user_lookup(c->user, &user, err) < 0)
        return -1;
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(err, "cannot run '%s' in the guest", c->argv[0]);
    cleanup_close int report_read = report[0], report_write = report[1];
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
