#include "common/pump.h"

#include "common/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void finish_pump(struct pump *p)
{
    pump_stop(p);
    p->ended(p);
}

/* More than a pseudo-terminal holds: the line discipline 4 KiB (n_tty.c) and the buffer before it 8 KiB
 * (pty.c) in pages of up to 64 KiB (tty_buffer.c). */
enum { TERMINAL_HOLDS = 128 * 1024 };

/* Waits for input only when the buffer is empty, for output only when it is not.  A draining pump must also look at an
 * empty input, for which poll would wait. */
static void arm(struct pump *p)
{
    p->in.events = p->len == 0 ? POLLIN : 0;
    p->out.events = p->len > 0 || p->draining ? POLLOUT : 0;
    /* An fd that poll reports as hung up must not be asked again while nothing can be done about it. */
    if (p->len > 0 && p->in.fd >= 0)
        p->in.fd = ~p->in.fd;
    else if (p->len == 0 && p->in.fd < 0)
        p->in.fd = ~p->in.fd;
}

static ssize_t put(int fd, const char *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 && errno == ENOTSOCK ? write(fd, data, len) : n;
}

static void flush(struct pump *p)
{
    size_t want = p->chunk && p->len > p->chunk ? p->chunk : p->len;
    ssize_t n = put(p->out.fd, p->buffer + p->start, want);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            finish_pump(p);
        return;
    }
    p->start += (size_t)n;
    p->len -= (size_t)n;
    arm(p);
    if (p->len == 0 && p->total >= p->end)
        finish_pump(p);
}

static void fill(struct pump *p)
{
    uint64_t left = p->end - p->total;
    ssize_t n = read(p->in.fd, p->buffer, left < sizeof(p->buffer) ? (size_t)left : sizeof(p->buffer));
    if (n < 0 && (errno == EINTR || (errno == EAGAIN && !p->draining)))
        return;
    if (n <= 0) { /* an error of the input, such as a reset connection or a hung-up terminal, ends it too */
        finish_pump(p);
        return;
    }
    p->start = 0;
    p->len = (size_t)n;
    p->total += (size_t)n;
    if (p->seen)
        p->seen(p, p->buffer, p->len);
    arm(p);
    flush(p); /* most often there is room: saves a round of poll */
}

static void in_ready(struct watch *w, short revents)
{
    (void)revents;
    fill(container_of(w, struct pump, in));
}

static void out_ready(struct watch *w, short revents)
{
    struct pump *p = container_of(w, struct pump, out);
    if (p->len > 0)
        flush(p);
    else if (revents & (POLLERR | POLLNVAL))
        finish_pump(p); /* the reader is gone: tell the writer now, not at its next write */
    else if (p->draining)
        fill(p);
    else if (revents & POLLHUP)
        p->out.fd = ~p->out.fd;
}

int pump_start(struct pump *p, struct loop *loop, int in, int out, size_t chunk, void (*ended)(struct pump *p))
{
    p->loop = loop;
    p->in = (struct watch){.fd = in, .ready = in_ready};
    p->out = (struct watch){.fd = out, .ready = out_ready};
    p->start = p->len = 0;
    p->draining = false;
    p->total = 0;
    p->end = UINT64_MAX;
    p->chunk = chunk;
    p->seen = NULL;
    p->ended = ended;
    arm(p);
    if (loop_add(loop, &p->in) < 0)
        return -1;
    if (loop_add(loop, &p->out) < 0) {
        loop_remove(loop, &p->in);
        return -1;
    }
    return 0;
}

void pump_drain(struct pump *p)
{
    if (!p->loop || p->draining)
        return;
    /* A pipe says how much it holds, so a writer that goes on does not prolong this.  A terminal says only how much its
     * line discipline has taken already. */
    int fd = p->in.fd < 0 ? ~p->in.fd : p->in.fd, waiting = TERMINAL_HOLDS;
    if (!isatty(fd) && ioctl(fd, FIONREAD, &waiting) < 0)
        waiting = 0;
    p->draining = true;
    if (p->out.fd < 0)
        p->out.fd = ~p->out.fd; /* hung up or not, it is what wakes us now */
    arm(p);
    pump_limit(p, p->total + (uint64_t)waiting);
}

void pump_limit(struct pump *p, uint64_t total)
{
    if (!p->loop)
        return;
    p->end = total < p->total ? p->total : total;
    if (p->len == 0 && p->total >= p->end)
        finish_pump(p);
}

void pump_stop(struct pump *p)
{
    if (!p->loop)
        return;
    loop_remove(p->loop, &p->in);
    loop_remove(p->loop, &p->out);
    p->loop = NULL;
}

int pump_output(int fd, size_t *chunk)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    *chunk = 0;
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (own >= 0)
            return own;
        *chunk = PIPE_BUF; /* not ours to open: poll promises room for this much */
    }
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}
