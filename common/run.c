/* Output goes through memory files, so that the program never waits for somebody to read it. */
#include "common/run.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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

/* A program that is started has no signal blocked or ignored.  posix_spawn and not fork: the program starts 0.7 ms
 * sooner when this process's memory need not be copied first. */
static int spawn(pid_t *pid, const char *path, const char *const argv[], int in, int out, int complaints)
{
    char path_variable[sizeof(usual_path) + 5];
    char *const env[] = {path_variable, "LC_ALL=C", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t set;
    snprintf(path_variable, sizeof(path_variable), "PATH=%s", usual_path);
    if ((errno = posix_spawn_file_actions_init(&files)))
        return -1;
    posix_spawnattr_init(&attr); /* which cannot fail, nor can these */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attr, &set);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    int e = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    e = e ? e : posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    e = e ? e : posix_spawn_file_actions_adddup2(&files, complaints, STDERR_FILENO);
    e = e ? e : posix_spawn(pid, path, &files, &attr, (char *const *)argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    errno = e;
    return e ? -1 : 0;
}

/* Without pidfds (Linux 5.3) it cannot be cancelled, and that is all. */
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
        return err_sys(err, "cannot make a pair of sockets");
    cleanup_close int feed = ends[0], in = ends[1], said = memory_file();
    cleanup_close int complaints = together ? -1 : memory_file();
    if (said < 0 || (complaints < 0 && !together))
        return err_sys(err, "cannot make a memory file");
    if (spawn(&r->pid, path, argv, in, said, together ? said : complaints))
        return err_sys(err, "cannot run %s", path);
    r->name = argv[0];
    r->feed = steal_fd(&feed);
    r->said = steal_fd(&said);
    r->complaints = steal_fd(&complaints);
    return 0;
}

/* The end is told by shutdown, as a child of ours may have inherited the socket. */
void run_feed(struct run *r, const void *input, size_t len)
{
    for (const char *p = input, *end = p ? p + len : p; p < end && !r->failed;) {
        ssize_t n = sendto(r->feed, p, (size_t)(end - p), MSG_NOSIGNAL, NULL, 0);
        if (n >= 0)
            p += n;
        else if (errno == EPIPE || errno == ECONNRESET)
            break; /* it does not want it: its status will say more */
        else if (errno != EINTR)
            r->failed = errno;
    }
    shutdown(r->feed, SHUT_WR);
}

static int finish(struct run *r, struct buf *out, struct buf *complaints, struct err *err)
{
    int status;
    cancel_or_end(r->pid);
    while (waitpid(r->pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(err, "cannot wait for a program");
    errno = r->failed;
    if (errno)
        return err_sys(err, "cannot feed a program");
    if (collect(r->said, out) < 0 || (r->complaints >= 0 && collect(r->complaints, complaints) < 0))
        return err_sys(err, "cannot read the output of a program");
    return WIFEXITED(status) ? WEXITSTATUS(status)
                             : err_set(err, "%s was ended by signal %d", r->name, WTERMSIG(status));
}

int run_finish(struct run *r, struct buf *out, struct buf *complaints, struct err *err)
{
    int status = finish(r, out, complaints, err);
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
