#include "entry/life/channel.h"

#include "common/cleanup.h"
#include "common/container.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/peer.h"
#include "entry/life/timeserver.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* The most connections that have not said hello yet, and the most that wait to be accepted; Firecracker resets further
 * ones. */
enum { PENDING_MAX = 64, BACKLOG = 128 };

/* A connection that has not yet said what it is for. */
struct pending {
    struct watch watch;
    struct channel *channel;
    uint8_t hello[PROTO_HELLO];
    size_t len;
};

struct channel {
    struct loop *loop;
    struct channel_events events;
    struct listener listener;
    struct peer control;
    struct timeserver timeserver;
    struct buf *settings;
    bool met;  /* there was a control connection */
    bool deaf; /* the last message was dropped */
    struct pending pending[PENDING_MAX];
    unsigned next_pending;
};

int channel_listen(int run, const char *vsock, uid_t uid, gid_t gid, struct err *err)
{
    char name[64];
    snprintf(name, sizeof(name), "%s_%d", strrchr(vsock, '/') + 1, PROTO_PORT);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", run, name);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || fchmodat(run, name, 0600, 0) < 0 ||
        fchownat(run, name, uid, gid, 0) < 0 || listen(fd, BACKLOG) < 0)
        return err_sys(err, "cannot listen for the guest");
    return steal_fd(&fd);
}

static void on_message(struct peer *p, const struct proto_msg *msg)
{
    struct channel *c = container_of(p, struct channel, control);
    if (msg->type == PROTO_CLOCK)
        timeserver_answer(&c->timeserver, msg);
    else
        c->events.message(c->events.arg, msg);
}

static void on_lost(struct peer *p, int how)
{
    struct channel *c = container_of(p, struct channel, control);
    log_debug("the guest's control connection has ended: %s", peer_why(how));
    if (how == PEER_MALFORMED)
        c->events.malformed(c->events.arg);
}

/* The guest's init gets the settings before any message that was queued for it. */
static void meet(struct channel *c, int fd)
{
    uint32_t now[3];
    c->met = true;
    timeserver_now(now);
    int put = peer_send_first(&c->control, PROTO_SETTINGS, now, 3, c->settings->data, c->settings->len);
    buf_free(c->settings);
    if (put == 0 && peer_connect(&c->control, fd) == 0)
        return;
    log_warn("out of memory while accepting the guest's control connection");
    if (put < 0)
        close(fd);
}

/* A connection has sent its hello.  Only the first control connection counts: init opens it before any program of the
 * user runs. */
static void assign(struct channel *c, int fd, enum proto_kind kind, uint32_t session)
{
    if (kind == PROTO_SHARE) {
        shares_join(c->events.shares, session, fd);
    } else if (kind != PROTO_CONTROL) {
        c->events.stream(c->events.arg, session, kind, fd);
    } else if (c->met) {
        close(fd);
    } else {
        meet(c, fd);
    }
}

static void pending_ready(struct watch *w, short revents)
{
    (void)revents;
    struct pending *p = (struct pending *)w;
    ssize_t n = recv(w->fd, p->hello + p->len, sizeof(p->hello) - p->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    p->len += n > 0 ? (size_t)n : 0;
    if (n > 0 && p->len < sizeof(p->hello))
        return;
    loop_remove(p->channel->loop, w);
    int fd = steal_fd(&w->fd);
    enum proto_kind kind;
    uint32_t session;
    int said = n > 0 ? proto_hello_parse(p->hello, &kind, &session) : -1;
    if (said == 0) {
        assign(p->channel, fd, kind, session);
        return;
    }
    if (said == PROTO_OTHER && !p->channel->met)
        log_error("the guest's init speaks another version of the protocol: use the VM_INITRD_IMAGE that belongs to "
                  "this entry");
    close(fd);
}

static void listener_ready(struct watch *w, short revents)
{
    (void)revents;
    struct channel *c = container_of(w, struct channel, listener.watch);
    int fd = listener_accept(&c->listener, NULL, NULL);
    if (fd < 0)
        return;
    /* If there is no room, the oldest connection without a hello is closed. */
    struct pending *p = &c->pending[c->next_pending++ % PENDING_MAX];
    if (p->watch.fd >= 0) {
        loop_remove(c->loop, &p->watch);
        close(p->watch.fd);
    }
    *p = (struct pending){.watch = {.fd = fd, .events = POLLIN, .ready = pending_ready}, .channel = c};
    if (loop_add(c->loop, &p->watch) < 0)
        close(steal_fd(&p->watch.fd));
}

struct channel *channel_new(struct loop *loop, int listener, struct buf *settings, const struct channel_events *events)
{
    struct channel *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->loop = loop;
    c->events = *events;
    c->settings = settings;
    peer_init(&c->control, loop, on_message, on_lost);
    timeserver_start(&c->timeserver, loop, &c->control);
    for (size_t i = 0; i < PENDING_MAX; i++)
        c->pending[i].watch.fd = -1;
    if (listener_start(&c->listener, loop, listener, listener_ready) < 0) {
        timeserver_stop(&c->timeserver);
        free(c);
        return NULL;
    }
    return c;
}

int channel_send(struct channel *c, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
                 size_t len)
{
    int r = peer_send(&c->control, type, fields, count, data, len);
    if (r < 0 && !c->deaf) /* a guest must not fill the log */
        log_warn("the guest does not read its messages; one was dropped");
    c->deaf = r < 0;
    return r;
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    listener_stop(&c->listener);
    if (c->listener.watch.fd >= 0)
        close(c->listener.watch.fd);
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct watch *w = &c->pending[i].watch;
        loop_remove(c->loop, w);
        if (w->fd >= 0)
            close(w->fd);
    }
    timeserver_stop(&c->timeserver);
    peer_free(&c->control);
    free(c);
}
