/* Input and output go through memory files, so that neither side ever waits for the other to read. */
#include "common/run.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
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

static int memory_file(const void *data, size_t len)
{
    cleanup_close int fd = memfd_create("program", MFD_CLOEXEC);
    if (fd < 0 || (len > 0 && io_pwrite_all(fd, data, len, 0) < 0))
        return -1;
    return steal_fd(&fd);
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

/* In the child: never returns.  A failed exec's errno goes to the parent through report. */
static void child(const char *path, const char *const argv[], int in, int out, int complaints, int report)
{
    char path_variable[sizeof(usual_path) + 5];
    snprintf(path_variable, sizeof(path_variable), "PATH=%s", usual_path);
    char *const env[] = {path_variable, "LC_ALL=C", NULL};
    signals_default();
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(complaints, STDERR_FILENO) >= 0)
        execve(path, (char *const *)argv, env);
    int e = errno;
    (void)io_write_all(report, &e, sizeof(e));
    _exit(127);
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

/* Starts it and waits.  The wait status, or -1 with errno. */
static int start_and_wait(const char *path, const char *const argv[], int in, int out, int complaints)
{
    int report[2], failed = 0, status;
    if (pipe2(report, O_CLOEXEC) < 0)
        return -1;
    cleanup_close int report_read = report[0], report_write = report[1];
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0)
        child(path, argv, in, out, complaints, report_write);
    close(steal_fd(&report_write));
    bool ran = io_read_full(report_read, &failed, sizeof(failed)) != sizeof(failed);
    cancel_or_end(pid);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    errno = failed;
    return ran ? status : -1;
}

int run_program(const char *const argv[], const void *input, size_t len, struct buf *out, struct buf *complaints,
                struct err *err)
{
    char path[4096];
    if (!run_find(argv[0], path, sizeof(path)))
        return err_set(err, "cannot run %s: there is no such program", argv[0]);
    cleanup_close int in = memory_file(input, len), said = memory_file(NULL, 0), own = memory_file(NULL, 0);
    if (in < 0 || said < 0 || own < 0)
        return err_sys(err, "cannot make a memory file");
    int status = start_and_wait(path, argv, in, said, out == complaints ? said : own);
    if (status < 0)
        return err_sys(err, "cannot run %s", path);
    if (collect(said, out) < 0 || (out != complaints && collect(own, complaints) < 0))
        return err_sys(err, "cannot read the output of %s", path);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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
