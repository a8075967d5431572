#include "common/peer.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { OUT_MAX = 4 * PROTO_MAX };

static void disconnect(struct peer *p, const char *why)
{
    loop_remove(p->loop, &p->watch);
    close(steal_fd(&p->watch.fd));
    p->lost(p, why);
}

static void flush(struct peer *p)
{
    while (p->watch.fd >= 0 && p->out.len > 0) {
        ssize_t n = send(p->watch.fd, p->out.data, p->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            disconnect(p, strerror(errno));
        if (n < 0)
            break;
        buf_drop(&p->out, (size_t)n);
    }
    p->watch.events = p->out.len > 0 ? POLLIN | POLLOUT : POLLIN;
}

/* Hands out every whole message. */
static void dispatch(struct peer *p)
{
    struct proto_msg msg;
    int got;
    while ((got = proto_get(&p->in, &msg)) == 1 && p->watch.fd >= 0) {
        uint32_t len = PROTO_HEADER + msg.len;
        p->message(p, &msg);
        buf_drop(&p->in, len);
    }
    if (p->watch.fd >= 0 && (got < 0 || buf_failed(&p->in)))
        disconnect(p, "malformed message");
}

static void ready(struct watch *w, short revents)
{
    struct peer *p = (struct peer *)w;
    if (revents & POLLOUT)
        flush(p);
    if (w->fd < 0 || !(revents & ~POLLOUT))
        return;
    char chunk[4096];
    ssize_t n = recv(w->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        disconnect(p, n < 0 ? strerror(errno) : "closed");
        return;
    }
    buf_add(&p->in, chunk, (size_t)n);
    dispatch(p);
}

void peer_init(struct peer *p, struct loop *loop, void (*message)(struct peer *, const struct proto_msg *),
               void (*lost)(struct peer *, const char *why))
{
    *p = (struct peer){.watch = {.fd = -1, .ready = ready}, .loop = loop, .message = message, .lost = lost};
}

int peer_connect(struct peer *p, int fd)
{
    if (loop_add(p->loop, &p->watch) < 0) {
        close(fd);
        return -1;
    }
    p->watch.fd = fd;
    flush(p);
    return 0;
}

int peer_send(struct peer *p, enum proto_type type, const uint32_t *fields, size_t count, const void *data, size_t len)
{
    if (p->out.len > OUT_MAX)
        return -1;
    proto_put(&p->out, type, fields, count, data, len);
    flush(p);
    return 0;
}

void peer_free(struct peer *p)
{
    loop_remove(p->loop, &p->watch);
    if (p->watch.fd >= 0)
        close(steal_fd(&p->watch.fd));
    buf_free(&p->in);
    buf_free(&p->out);
}
