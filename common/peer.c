#include "common/peer.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { OUT_MAX = 4 * PROTO_MAX };

const char *peer_why(int how)
{
    return how == PEER_CLOSED ? "closed" : how == PEER_MALFORMED ? "malformed message" : strerror(how);
}

static void disconnect(struct peer *p, int how)
{
    loop_remove(p->loop, &p->watch);
    close(steal_fd(&p->watch.fd));
    p->lost(p, how);
}

static void flush(struct peer *p)
{
    while (p->watch.fd >= 0 && p->out.len > 0) {
        ssize_t n = send(p->watch.fd, p->out.data, p->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            disconnect(p, errno);
        if (n < 0)
            break;
        buf_drop(&p->out, (size_t)n);
        p->first -= (size_t)n < p->first ? (size_t)n : p->first;
    }
    if (p->out.len == 0 && p->out.cap > OUT_MAX && !buf_failed(&p->out))
        buf_free(&p->out); /* of the first message */
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
        disconnect(p, PEER_MALFORMED);
}

/* recv, and the one descriptor that may come along.  The kernel fills all the room that it is given with descriptors
 * (net/core/scm.c).  CMSG_SPACE, by its alignment, has room for a second one; CMSG_LEN has room for exactly one, and
 * the kernel drops the others. */
static ssize_t receive(struct peer *p, void *data, size_t size)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_LEN(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = data, .iov_len = size};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(p->watch.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == sizeof(control.bytes)) {
        if (p->received >= 0)
            close(p->received);
        memcpy(&p->received, CMSG_DATA(c), sizeof(int));
    }
    return n;
}

static void ready(struct watch *w, short revents)
{
    struct peer *p = (struct peer *)w;
    if (revents & POLLOUT)
        flush(p);
    if (w->fd < 0 || !(revents & ~POLLOUT))
        return;
    char chunk[4096];
    ssize_t n = receive(p, chunk, sizeof(chunk));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        disconnect(p, n < 0 ? errno : PEER_CLOSED);
        return;
    }
    buf_add(&p->in, chunk, (size_t)n);
    dispatch(p);
}

void peer_init(struct peer *p, struct loop *loop, void (*message)(struct peer *, const struct proto_msg *),
               void (*lost)(struct peer *, int how))
{
    *p = (struct peer){
        .watch = {.fd = -1, .ready = ready}, .loop = loop, .received = -1, .message = message, .lost = lost};
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

int peer_send_first(struct peer *p, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
                    size_t len)
{
    struct buf out = {0};
    proto_put(&out, type, fields, count, data, len);
    p->first = out.len;
    buf_add(&out, p->out.data, p->out.len);
    out.failed |= p->out.failed;
    buf_free(&p->out);
    p->out = out;
    return buf_failed(&out) ? -1 : 0;
}

int peer_send(struct peer *p, enum proto_type type, const uint32_t *fields, size_t count, const void *data, size_t len)
{
    if (p->out.len - p->first > OUT_MAX)
        return -1;
    proto_put(&p->out, type, fields, count, data, len);
    flush(p);
    return 0;
}

int peer_send_fd(struct peer *p, enum proto_type type, uint32_t field, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    cleanup_buf struct buf text = {0};
    proto_put(&text, type, &field, 1, NULL, 0);
    struct iovec iov = {.iov_base = text.data, .iov_len = text.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    if (p->watch.fd < 0 || p->out.len > 0 || buf_failed(&text))
        return -1;
    return sendmsg(p->watch.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)text.len ? 0 : -1;
}

void peer_free(struct peer *p)
{
    loop_remove(p->loop, &p->watch);
    if (p->received >= 0)
        close(steal_fd(&p->received));
    if (p->watch.fd >= 0)
        close(steal_fd(&p->watch.fd));
    buf_free(&p->in);
    buf_free(&p->out);
}
