/* A connection has three stages.  First, the guest has sent nothing yet, so no server is contacted.  Then the relay
 * connects to a server, or to the next one if that fails.  Then it carries bytes both ways, and reads only the
 * messages' lengths.  Each stage has a deadline, and nothing in here blocks, so a silent end costs other connections
 * nothing.
 *
 * The end that closes a TCP connection first keeps its addresses and ports for a minute (TIME_WAIT, RFC 9293, 3.6), and
 * conntrack keeps them for two.  If a guest made a connection for each query, the host would soon have no port left for
 * that server.  So when the guest has closed its side (it may do so before it has its answers), the server is not told.
 * Once each query has its answer, the connection to the server is reset: nobody waits for anything on it. */
#include "netsetup/dnstcp.h"
#include "common/cleanup.h"
#include "common/container.h"
#include "common/listener.h"
#include "common/pump.h"
#include "common/units.h"

#include <errno.h>
#include <poll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define SILENCE (10 * SECOND)
#define CONNECT (3 * SECOND)
#define MINUTE (60 * SECOND)

enum { FIRST_MAX = 1024, WATCHES = 4 /* of a connection: each of its two pumps has two */ };

/* Messages of one direction.  A length of two bytes precedes each (RFC 1035, 4.2.2). */
struct messages {
    unsigned head, left; /* bytes of the length that were seen; bytes of the message still to come */
    uint64_t count;
};

struct tcp_stream {
    TAILQ_ENTRY(tcp_stream) by_age; /* the connection that was silent longest comes first */
    struct dnstcp *relay;
    struct watch watch; /* of the first two stages: the guest's first bytes, the server's answer to connect */
    struct timer timer;
    int guest, server; /* -1: none yet */
    int asked;         /* which server that is */
    unsigned tried;
    bool carrying, asked_all; /* asked_all: the guest has closed its side */
    struct messages queries, answers;
    uint64_t carried; /* bytes, when it was last looked at */
    struct pump up, down;
};

struct dnstcp {
    struct loop *loop;
    struct listener listener;
    struct in_addr guest;
    struct dnsservers *servers;
    TAILQ_HEAD(, tcp_stream) streams;
    size_t count, most;
    uint64_t minute; /* when it began; first: the guest's connections that we closed first in it */
    unsigned first;
};

static void count(struct messages *m, const char *data, size_t len)
{
    while (len) {
        size_t n = m->head < 2 ? 1 : m->left < len ? m->left : len;
        if (m->head < 2) {
            m->left = m->left << 8 | (uint8_t)*data;
            m->head++;
        } else {
            m->left -= (unsigned)n;
        }
        data += n;
        len -= n;
        if (m->head == 2 && !m->left) {
            m->count++;
            m->head = 0;
        }
    }
}

/* Without TIME_WAIT: bytes that the other end has not read yet may be lost. */
static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* If the guest has not closed its side, we close first, which must not happen often. */
static void close_guest(struct dnstcp *t, int fd)
{
    char c;
    if (loop_now() - t->minute >= MINUTE) {
        t->minute = loop_now();
        t->first = 0;
    }
    if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0 && t->first++ >= FIRST_MAX)
        reset(fd);
    close(fd);
}

static void end_stream(struct tcp_stream *s)
{
    struct dnstcp *t = s->relay;
    pump_stop(&s->up);
    pump_stop(&s->down);
    loop_remove(t->loop, &s->watch);
    loop_timer(t->loop, &s->timer, UINT64_MAX);
    close_guest(t, s->guest);
    if (s->server >= 0) {
        reset(s->server);
        close(s->server);
    }
    TAILQ_REMOVE(&t->streams, s, by_age);
    t->count--;
    free(s);
}

static void active(struct tcp_stream *s, uint64_t patience)
{
    TAILQ_REMOVE(&s->relay->streams, s, by_age);
    TAILQ_INSERT_TAIL(&s->relay->streams, s, by_age);
    loop_timer(s->relay->loop, &s->timer, loop_now() + patience);
}

static void query_seen(struct pump *p, const char *data, size_t len)
{
    count(&container_of(p, struct tcp_stream, up)->queries, data, len);
}

/* The server sends nothing after the bytes received so far. */
static void end_when_answered(struct tcp_stream *s)
{
    if (s->asked_all && s->answers.count >= s->queries.count)
        pump_limit(&s->down, s->down.total);
}

static void answer_seen(struct pump *p, const char *data, size_t len)
{
    struct tcp_stream *s = container_of(p, struct tcp_stream, down);
    count(&s->answers, data, len);
    end_when_answered(s);
}

static void up_ended(struct pump *p)
{
    struct tcp_stream *s = container_of(p, struct tcp_stream, up);
    s->asked_all = true;
    end_when_answered(s);
}

static void down_ended(struct pump *p)
{
    end_stream(container_of(p, struct tcp_stream, down));
}

static void carry(struct tcp_stream *s)
{
    struct loop *loop = s->relay->loop;
    loop_remove(loop, &s->watch);
    s->carrying = true;
    active(s, SILENCE);
    if (pump_start(&s->up, loop, s->guest, s->server, 0, up_ended) < 0 ||
        pump_start(&s->down, loop, s->server, s->guest, 0, down_ended) < 0) {
        end_stream(s);
        return;
    }
    s->up.seen = query_seen;
    s->down.seen = answer_seen;
}

static void server_ready(struct watch *w, short revents);

/* The next server, or the end. */
static void connect_server(struct tcp_stream *s)
{
    struct dnstcp *t = s->relay;
    loop_remove(t->loop, &s->watch);
    if (s->server >= 0)
        close(steal_fd(&s->server));
    while ((s->asked = dnsservers_next(t->servers, s->tried)) >= 0) {
        s->tried |= 1U << s->asked;
        s->server = dnsservers_connect(t->servers, s->asked, SOCK_STREAM);
        if (s->server >= 0)
            break;
        dnsservers_shun(t->servers, s->asked);
    }
    s->watch = (struct watch){s->server, POLLOUT, server_ready};
    if (s->server < 0 || loop_add(t->loop, &s->watch) < 0) {
        end_stream(s);
        return;
    }
    active(s, CONNECT);
}

static void server_ready(struct watch *w, short revents)
{
    struct tcp_stream *s = container_of(w, struct tcp_stream, watch);
    int problem = 0;
    socklen_t size = sizeof(problem);
    (void)revents;
    getsockopt(s->server, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem) {
        dnsservers_shun(s->relay->servers, s->asked);
        connect_server(s);
    } else {
        carry(s);
    }
}

static void guest_ready(struct watch *w, short revents)
{
    (void)revents; /* the end without a byte too: then there is nothing to ask */
    struct tcp_stream *s = container_of(w, struct tcp_stream, watch);
    char first;
    ssize_t n = recv(s->guest, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        connect_server(s);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        end_stream(s);
}

static void time_is_up(struct timer *timer)
{
    struct tcp_stream *s = container_of(timer, struct tcp_stream, timer);
    uint64_t carried = s->up.total + s->down.total;
    if (s->carrying && carried != s->carried) {
        s->carried = carried;
        active(s, SILENCE);
    } else if (s->server >= 0 && !s->carrying) {
        dnsservers_shun(s->relay->servers, s->asked);
        connect_server(s);
    } else {
        end_stream(s);
    }
}

static void listener_ready(struct watch *w, short revents)
{
    struct dnstcp *t = container_of(w, struct dnstcp, listener.watch);
    struct sockaddr_in from = {0};
    socklen_t size = sizeof(from);
    (void)revents;
    cleanup_close int fd = listener_accept(&t->listener, (struct sockaddr *)&from, &size);
    if (fd < 0 || from.sin_addr.s_addr != t->guest.s_addr)
        return;
    if (t->count == t->most)
        end_stream(TAILQ_FIRST(&t->streams));
    struct tcp_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return;
    s->relay = t;
    s->guest = steal_fd(&fd);
    s->server = -1;
    s->timer.fired = time_is_up;
    s->watch = (struct watch){s->guest, POLLIN, guest_ready};
    t->count++;
    TAILQ_INSERT_TAIL(&t->streams, s, by_age);
    loop_timer(t->loop, &s->timer, loop_now() + SILENCE);
    if (loop_add(t->loop, &s->watch) < 0)
        end_stream(s);
}

struct dnstcp *dnstcp_new(struct loop *loop, int fd, struct in_addr guest, struct dnsservers *servers)
{
    struct dnstcp *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    *t = (struct dnstcp){.loop = loop, .guest = guest, .servers = servers, .minute = loop_now()};
    TAILQ_INIT(&t->streams);
    size_t share = loop_room(loop) / 2 / WATCHES; /* the other half is dnsudp's */
    t->most = share < 1 ? 1 : share < DNSTCP_STREAMS ? share : DNSTCP_STREAMS;
    if (listener_start(&t->listener, loop, fd, listener_ready) == 0)
        return t;
    free(t);
    return NULL;
}

void dnstcp_free(struct dnstcp *t)
{
    if (!t)
        return;
    for (struct tcp_stream *s; (s = TAILQ_FIRST(&t->streams));)
        end_stream(s);
    listener_stop(&t->listener);
    free(t);
}
