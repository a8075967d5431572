/* Queries leave by shared, short-lived ports, not by one port each: on the host each port is a tracked connection, and
 * a guest must not fill that table.  To forge an answer, an attacker has to guess the port (a few are open at a time,
 * with new ones every few seconds) and the id, which is random and differs from the guest's.  An answer counts only if
 * it comes from the server asked (connect(2) ensures that) and has the question asked.  Nothing is kept for a second
 * query, so a forged answer would reach one client, once.
 *
 * A query is on two lists: that of its port, by which answers find the query, and that of waiting queries, the longest
 * waiting first.  A query whose port has failed is on the list of the homeless instead of a port's list, until settle
 * finds another port. */
#include "netsetup/dnsudp.h"
#include "common/cleanup.h"
#include "common/container.h"
#include "common/units.h"
#include "netsetup/dnsmsg.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>

#define ONE_TRY (3 * SECOND)   /* then it is another server's turn */
#define PATIENCE (10 * SECOND) /* then the guest is told; its C library has asked again by then */
#define PORT_LIFE (10 * SECOND)

enum { PORTS = 32, BATCH = 64 /* messages from one socket before the others' turn */ };

TAILQ_HEAD(queries, query);

struct query {
    TAILQ_ENTRY(query) of_port, by_age;
    struct port *port; /* NULL: homeless */
    struct sockaddr_in from;
    uint16_t guest_id, id; /* id: the port's */
    unsigned tried;        /* servers, a bit each */
    uint64_t begun, until;
    size_t len;
    uint8_t message[];
};

struct port {
    struct watch watch; /* fd -1: closed */
    struct dnsudp *relay;
    int server;
    uint64_t born;
    struct queries queries;
};

struct dnsudp {
    struct loop *loop;
    struct watch watch;
    struct timer timer;
    struct in_addr guest;
    struct dnsservers *servers;
    struct port port[DNSSERVERS_MAX][PORTS];
    unsigned ports; /* of each server, how many are in use: all, unless descriptors are few */
    struct queries waiting, homeless;
    size_t count, bytes; /* of queries */
    uint8_t message[DNSMSG_MAX + 1];
};

static void reply(const struct dnsudp *u, const struct query *q, uint8_t *message, size_t len)
{
    dnsmsg_set_id(message, q->guest_id);
    (void)!sendto(u->watch.fd, message, len, MSG_DONTWAIT, (const struct sockaddr *)&q->from, sizeof(q->from));
}

static void leave_port(struct dnsudp *u, struct query *q)
{
    TAILQ_REMOVE(q->port ? &q->port->queries : &u->homeless, q, of_port);
    q->port = NULL;
}

static void end_query(struct dnsudp *u, struct query *q)
{
    leave_port(u, q);
    TAILQ_REMOVE(&u->waiting, q, by_age);
    u->count--;
    u->bytes -= q->len;
    free(q);
}

static void give_up(struct dnsudp *u, struct query *q)
{
    reply(u, q, q->message, dnsmsg_refuse(q->message, q->len, DNSMSG_SERVFAIL));
    end_query(u, q);
}

/* --- ports ----------------------------------------------------------------------------------------------- */

static void close_port(struct port *p)
{
    loop_remove(p->relay->loop, &p->watch);
    close(steal_fd(&p->watch.fd));
}

static bool open_port(struct port *p)
{
    p->watch.fd = dnsservers_connect(p->relay->servers, p->server, SOCK_DGRAM);
    p->born = loop_now();
    if (p->watch.fd >= 0 && loop_add(p->relay->loop, &p->watch) < 0)
        close(steal_fd(&p->watch.fd));
    return p->watch.fd >= 0;
}

/* A random one of a server's ports: a young one, or else any that works.  NULL: none works. */
static struct port *choose_port(struct dnsudp *u, int server, unsigned chance)
{
    struct port *old = NULL;
    uint64_t now = loop_now();
    for (unsigned i = 0; i < u->ports; i++) {
        struct port *p = &u->port[server][(chance + i) % u->ports];
        bool aged = p->watch.fd >= 0 && now - p->born >= PORT_LIFE;
        if (aged && TAILQ_EMPTY(&p->queries))
            close_port(p);
        else if (aged)
            old = p;
        if (p->watch.fd < 0 ? open_port(p) : !aged)
            return p;
    }
    return old;
}

static struct query *find_query(const struct port *p, uint16_t id)
{
    struct query *q;
    TAILQ_FOREACH(q, &p->queries, of_port)
    if (q->id == id)
        return q;
    return NULL;
}

/* Its server cannot be reached: what waits here has to go elsewhere. */
static void fail_port(struct port *p)
{
    struct query *q;
    dnsservers_shun(p->relay->servers, p->server);
    TAILQ_FOREACH(q, &p->queries, of_port)
    q->port = NULL;
    TAILQ_CONCAT(&p->relay->homeless, &p->queries, of_port);
}

/* --- queries --------------------------------------------------------------------------------------------- */

static bool send_query(struct dnsudp *u, struct query *q, int server)
{
    uint32_t chance;
    if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
        return false;
    struct port *p = choose_port(u, server, chance >> 16);
    if (!p) {
        dnsservers_shun(u->servers, server);
        return false;
    }
    while (find_query(p, q->id = (uint16_t)chance))
        if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
            return false;
    dnsmsg_set_id(q->message, q->id);
    if (send(p->watch.fd, q->message, q->len, MSG_DONTWAIT) < 0) {
        if (errno != EAGAIN && errno != ENOBUFS) /* often the refusal of one that was sent before */
            fail_port(p);
        return false;
    }
    TAILQ_REMOVE(&u->homeless, q, of_port);
    TAILQ_INSERT_TAIL(&p->queries, q, of_port);
    q->port = p;
    return true;
}

/* Finds a server for a homeless query, or answers it. */
static void ask_server(struct dnsudp *u, struct query *q)
{
    int server;
    while ((server = dnsservers_next(u->servers, q->tried)) >= 0) {
        q->tried |= 1U << server;
        if (send_query(u, q, server)) {
            TAILQ_REMOVE(&u->waiting, q, by_age);
            TAILQ_INSERT_TAIL(&u->waiting, q, by_age);
            q->until = loop_now() + ONE_TRY;
            return;
        }
    }
    give_up(u, q);
}

static void ask_another(struct dnsudp *u, struct query *q)
{
    leave_port(u, q);
    TAILQ_INSERT_TAIL(&u->homeless, q, of_port);
}

/* After each event.  Comes to an end, as no query goes to a server twice. */
static void settle(struct dnsudp *u)
{
    struct query *q;
    while ((q = TAILQ_FIRST(&u->homeless)))
        ask_server(u, q);
    q = TAILQ_FIRST(&u->waiting);
    loop_timer(u->loop, &u->timer, q ? q->until : UINT64_MAX);
}

static void refuse_query(const struct dnsudp *u, const struct sockaddr_in *from, uint8_t *message, size_t len,
                         unsigned rcode)
{
    (void)!sendto(u->watch.fd, message, dnsmsg_refuse(message, len, rcode), MSG_DONTWAIT, (const struct sockaddr *)from,
                  sizeof(*from));
}

static void take_query(struct dnsudp *u, size_t len, const struct sockaddr_in *from)
{
    struct query *q = NULL;
    if (from->sin_addr.s_addr != u->guest.s_addr || !dnsmsg_is_query(u->message, len))
        return;
    if (!dnsmsg_question_end(u->message, len)) {
        refuse_query(u, from, u->message, len, DNSMSG_FORMERR);
        return;
    }
    if (u->count < DNSUDP_QUERIES && u->bytes + len <= DNSUDP_BYTES)
        q = malloc(sizeof(*q) + len);
    if (!q) {
        refuse_query(u, from, u->message, len, DNSMSG_SERVFAIL);
        return;
    }
    *q = (struct query){.from = *from, .guest_id = dnsmsg_id(u->message), .begun = loop_now(), .len = len};
    memcpy(q->message, u->message, len);
    u->count++;
    u->bytes += len;
    TAILQ_INSERT_TAIL(&u->waiting, q, by_age);
    TAILQ_INSERT_TAIL(&u->homeless, q, of_port);
}

static void guest_ready(struct watch *w, short revents)
{
    struct dnsudp *u = container_of(w, struct dnsudp, watch);
    (void)revents;
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_in from = {0};
        socklen_t size = sizeof(from);
        ssize_t n = recvfrom(w->fd, u->message, sizeof(u->message), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (n < 0)
            break;
        take_query(u, (size_t)n, &from);
    }
    settle(u);
}

static void take_answer(struct port *p, size_t len)
{
    struct dnsudp *u = p->relay;
    struct query *q = len < DNSMSG_HEADER ? NULL : find_query(p, dnsmsg_id(u->message));
    if (!q || !dnsmsg_answers(u->message, len, q->message, q->len))
        return;
    if (dnsmsg_failed(u->message) && dnsservers_next(u->servers, q->tried) >= 0) {
        ask_another(u, q);
        return;
    }
    reply(u, q, u->message, len);
    end_query(u, q);
}

static void port_ready(struct watch *w, short revents)
{
    struct port *p = container_of(w, struct port, watch);
    struct dnsudp *u = p->relay;
    (void)revents;
    for (int i = 0; i < BATCH; i++) {
        ssize_t n = recv(w->fd, u->message, sizeof(u->message), MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail_port(p); /* ECONNREFUSED: nobody listens there */
        if (n < 0)
            break;
        take_answer(p, (size_t)n);
    }
    settle(u);
}

static void time_is_up(struct timer *t)
{
    struct dnsudp *u = container_of(t, struct dnsudp, timer);
    uint64_t now = loop_now();
    for (struct query *q; (q = TAILQ_FIRST(&u->waiting)) && q->until <= now;) {
        TAILQ_REMOVE(&u->waiting, q, by_age);
        TAILQ_INSERT_TAIL(&u->waiting, q, by_age);
        q->until = now + ONE_TRY;
        if (q->port && dnsservers_next(u->servers, q->tried) >= 0) {
            dnsservers_shun(u->servers, q->port->server);
            ask_another(u, q);
        } else if (now - q->begun >= PATIENCE) {
            give_up(u, q);
        }
    }
    settle(u);
}

/* --- the whole ------------------------------------------------------------------------------------------- */

struct dnsudp *dnsudp_new(struct loop *loop, int fd, struct in_addr guest, struct dnsservers *servers)
{
    struct dnsudp *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->loop = loop;
    u->watch = (struct watch){fd, POLLIN, guest_ready};
    u->timer.fired = time_is_up;
    u->guest = guest;
    u->servers = servers;
    size_t share = loop_room(loop) / 2 / DNSSERVERS_MAX; /* the other half is dnstcp's */
    u->ports = share < 1 ? 1 : share < PORTS ? (unsigned)share : PORTS;
    TAILQ_INIT(&u->waiting);
    TAILQ_INIT(&u->homeless);
    for (int i = 0; i < DNSSERVERS_MAX * PORTS; i++) {
        struct port *p = &u->port[i / PORTS][i % PORTS];
        *p = (struct port){{-1, POLLIN, port_ready}, u, i / PORTS, 0, {NULL, NULL}};
        TAILQ_INIT(&p->queries);
    }
    if (loop_add(loop, &u->watch) == 0)
        return u;
    free(u);
    return NULL;
}

void dnsudp_free(struct dnsudp *u)
{
    if (!u)
        return;
    for (struct query *q; (q = TAILQ_FIRST(&u->waiting));)
        end_query(u, q);
    for (int i = 0; i < DNSSERVERS_MAX * PORTS; i++)
        if (u->port[i / PORTS][i % PORTS].watch.fd >= 0)
            close_port(&u->port[i / PORTS][i % PORTS]);
    loop_timer(u->loop, &u->timer, UINT64_MAX);
    loop_remove(u->loop, &u->watch);
    free(u);
}
