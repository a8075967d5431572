#include "common/run.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { OUTPUT_MAX = 64 * 1024 };

/* In the child: never returns.  A failed exec's errno goes to the parent through report. */
static void child(const char *const argv[], int in, int out, int report)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0)
        execvp(argv[0], (char *const *)argv);
    int e = errno;
    (void)io_write_all(report, &e, sizeof(e));
    _exit(127);
}

/* Feeds input and drains output at the same time, so that neither side waits for the other. */
static void exchange(int to, const char *input, size_t len, int from, struct buf *output)
{
    cleanup_close int in = to;
    if (len == 0) {
        close(in);
        in = -1;
    }
    for (;;) {
        struct pollfd p[] = {{.fd = from, .events = POLLIN}, {.fd = in, .events = POLLOUT}};
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[1].revents) {
            ssize_t n = write(in, input, len);
            if (n < 0 && errno != EINTR && errno != EAGAIN)
                len = 0; /* it does not read on: its status will tell */
            else if (n > 0) {
                input += n;
                len -= (size_t)n;
            }
            if (len == 0) {
                close(in);
                in = -1;
            }
        }
        if (p[0].revents) {
            char chunk[4096];
            ssize_t n = read(from, chunk, sizeof(chunk));
            if (n == 0 || (n < 0 && errno != EINTR))
                return;
            if (n > 0 && output && output->len + (size_t)n <= OUTPUT_MAX)
                buf_add(output, chunk, (size_t)n);
        }
    }
}

int run_program(const char *const argv[], const void *input, size_t input_len, struct buf *output, struct err *err)
{
    int in[2], out[2], report[2];
    if (pipe2(in, O_CLOEXEC) < 0)
        return err_sys(err, "cannot run %s", argv[0]);
    cleanup_close int in_read = in[0], in_write = in[1];
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_sys(err, "cannot run %s", argv[0]);
    cleanup_close int out_read = out[0], out_write = out[1];
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(err, "cannot run %s", argv[0]);
    cleanup_close int report_read = report[0], report_write = report[1];

    pid_t pid = fork();
    if (pid < 0)
        return err_sys(err, "cannot run %s", argv[0]);
    if (pid == 0)
        child(argv, in_read, out_write, report_write);
    close(steal_fd(&in_read));
    close(steal_fd(&out_write));
    close(steal_fd(&report_write));

    int exec_errno = 0, status = 0;
    if (io_read_full(report_read, &exec_errno, sizeof(exec_errno)) == sizeof(exec_errno)) {
        waitpid(pid, &status, 0);
        errno = exec_errno;
        return err_sys(err, "cannot run %s", argv[0]);
    }
    /* A program that stops reading must not end us by SIGPIPE. */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    exchange(steal_fd(&in_write), input, input_len, out_read, output);
    sigaction(SIGPIPE, &before, NULL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *run_last_line(struct buf *output)
{
    if (!output->data)
        return "";
    while (output->len > 0 && (output->data[output->len - 1] == '\n' || output->data[output->len - 1] == ' '))
        output->data[--output->len] = '\0';
    const char *line = memrchr(output->data, '\n', output->len);
    return line ? line + 1 : output->data;
}
