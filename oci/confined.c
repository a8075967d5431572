#include "oci/confined.h"

#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/process.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

enum { ANSWER_MAX = 64 << 20 };

/* What the process answers: this, then out and warnings; or the error's text alone. */
struct head {
    int32_t result;
    uint32_t out, warnings;
};

static void answer(confined_work *work, const void *arg, int to)
{
    cleanup_buf struct buf out = {0}, warnings = {0};
    struct err err = {0};
    struct head head = {0};
    head.result = confine_client(&err) < 0 ? -1 : work(arg, &out, &warnings, &err);
    if (head.result < 0) {
        out.len = warnings.len = 0;
        buf_str(&out, err.text);
    }
    head.out = (uint32_t)out.len;
    head.warnings = (uint32_t)warnings.len;
    if (out.len < ANSWER_MAX && warnings.len < ANSWER_MAX && io_write_all(to, &head, sizeof(head)) == 0 &&
        io_write_all(to, out.data, out.len) == 0)
        (void)!io_write_all(to, warnings.data, warnings.len);
}

static int add_read(struct buf *to, int from, uint32_t len)
{
    cleanup_free char *part = len < ANSWER_MAX ? malloc((size_t)len + 1) : NULL;
    if (!part || io_read_full(from, part, len) != (ssize_t)len)
        return -1;
    buf_add(to, part, len);
    return buf_failed(to) ? -1 : 0;
}

static int receive(int from, struct buf *out, struct buf *warnings, struct err *err)
{
    struct head head;
    cleanup_buf struct buf first = {0};
    if (io_read_full(from, &head, sizeof(head)) != sizeof(head) || add_read(&first, from, head.out) < 0 ||
        add_read(warnings, from, head.warnings) < 0)
        return err_set(err, "the process that reads the bundle has ended without an answer");
    if (head.result < 0)
        return err_set(err, "%s", first.data ? first.data : "");
    buf_add(out, first.data, first.len);
    return buf_failed(out) ? err_set(err, "out of memory") : 0;
}

int confined_run(confined_work *work, const void *arg, struct buf *out, struct buf *warnings, struct err *err)
{
    int ends[2], status;
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cannot create a pipe");
    cleanup_close int in = ends[0], to = ends[1];
    pid_t pid = fork();
    if (pid == 0) {
        process_end_with(self);
        answer(work, arg, to);
        _exit(0);
    }
    close(steal_fd(&to));
    if (pid < 0)
        return err_sys(err, "cannot start a process");
    int rc = receive(in, out, warnings, err);
    close(steal_fd(&in));
    process_wait(pid, &status);
    return rc;
}
