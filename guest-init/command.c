#include "guest-init/command.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "guest-init/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child(char *const *argv, char *const *env, const int stdio[3], int report)
{
    /* As systemd and Docker set it: room for servers, and 1024 as the soft limit for those that select(2)
     * or close all they could have open. */
    struct rlimit files = {1024, 524288};
    default_signals();
    setsid();
    setrlimit(RLIMIT_NOFILE, &files);
    environ = (char **)env; /* so that PATH is the command's */
    if (dup2(stdio[0], 0) >= 0 && dup2(stdio[1], 1) >= 0 && dup2(stdio[2], 2) >= 0 && chdir("/") == 0)
        execvp(argv[0], argv);
    int e = errno;
    (void)io_write_all(report, &e, sizeof(e));
    _exit(127);
}

pid_t command_start(char *const *argv, char *const *env, const int stdio[3], int *error)
{
    int report[2];
    *error = 0;
    if (pipe2(report, O_CLOEXEC) < 0) {
        *error = errno;
        return -1;
    }
    cleanup_close int report_read = report[0], report_write = report[1];
    pid_t pid = fork();
    if (pid == 0)
        child(argv, env, stdio, report_write);
    if (pid < 0) {
        *error = errno;
        return -1;
    }
    close(steal_fd(&report_write));
    if (io_read_full(report_read, error, sizeof(*error)) != sizeof(*error))
        return pid;
    waitpid(pid, NULL, 0);
    return -1;
}

unsigned command_code(int error)
{
    return error == ENOENT || error == ENOTDIR ? 127 : 126;
}

void command_defaults(char **env)
{
    static char hostname[80] = "HOSTNAME=";
    gethostname(hostname + 9, sizeof(hostname) - 10);
    char *const defaults[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                              hostname};
    size_t end = 0;
    while (env[end])
        end++;
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
        char name[16];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(defaults[i], "="), defaults[i]);
        if (!lists_value(env, name))
            env[end++] = defaults[i];
    }
}
