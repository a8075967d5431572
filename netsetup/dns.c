/* Packets alone cannot do it: systemd-resolved takes queries from the loopback device only, and Docker's resolver
 * listens on a port that Docker's own rules know.  A socket on the host reaches both.
 *
 * Each query gets an upstream socket of its own, which makes the kernel match the answer and choose a random
 * source port; nothing here looks into a message.  The guest is not trusted: it can fill its own slots and
 * delay its own answers, no more. */
#include "netsetup/dns.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/privilege.h"
#include "common/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUERIES = 64, STREAMS = 16, PATIENCE = 10, MESSAGE = 65536, BIND_TRIES = 20 };

/* A query under way: the upstream socket, and who waits for the answer. */
struct query {
    int fd; /* -1: free */
    struct sockaddr_in from;
    time_t since;
};

/* A TCP connection: the guest's end and the resolver's. */
struct stream {
    int fd[2]; /* -1: free */
    time_t since;
};

struct relay {
    int udp, tcp;
    struct sockaddr_storage resolver;
    socklen_t resolver_len;
    struct query queries[QUERIES];
    struct stream streams[STREAMS];
    char message[MESSAGE];
};

static time_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static int upstream(const struct relay *r, int type)
{
    cleanup_close int fd = socket(r->resolver.ss_family, type | SOCK_CLOEXEC, 0);
    const struct timeval limit = {.tv_sec = 1}; /* also for connect */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
        connect(fd, (const struct sockaddr *)&r->resolver, r->resolver_len))
        return -1;
    return steal_fd(&fd);
}

static void end_query(struct query *q)
{
    close(q->fd);
    q->fd = -1;
}

static void end_stream(struct stream *s)
{
    close(s->fd[0]);
    close(s->fd[1]);
    s->fd[0] = s->fd[1] = -1;
}

static void ask(struct relay *r)
{
    struct query q = {.since = now()}, *slot = &r->queries[0];
    socklen_t len = sizeof(q.from);
    ssize_t n = recvfrom(r->udp, r->message, MESSAGE, MSG_DONTWAIT, (struct sockaddr *)&q.from, &len);
    if (n <= 0 || (q.fd = upstream(r, SOCK_DGRAM)) < 0)
        return;
    if (send(q.fd, r->message, (size_t)n, 0) < 0) {
        close(q.fd);
        return;
    }
    for (size_t i = 0; i < QUERIES && slot->fd >= 0; i++) /* a free slot, or the oldest's */
        if (r->queries[i].fd < 0 || r->queries[i].since < slot->since)
            slot = &r->queries[i];
    if (slot->fd >= 0)
        end_query(slot);
    *slot = q;
}

static void answer(struct relay *r, struct query *q)
{
    ssize_t n = recv(q->fd, r->message, MESSAGE, MSG_DONTWAIT);
    if (n > 0)
        (void)!sendto(r->udp, r->message, (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&q->from, sizeof(q->from));
    end_query(q);
}

static void greet(struct relay *r)
{
    const struct timeval limit = {.tv_sec = 1};
    struct stream *s = NULL;
    cleanup_close int guest = accept4(r->tcp, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; i < STREAMS && !s; i++)
        if (r->streams[i].fd[0] < 0)
            s = &r->streams[i];
    cleanup_close int resolver = guest >= 0 && s ? upstream(r, SOCK_STREAM) : -1;
    if (resolver < 0 || setsockopt(guest, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
        return;
    *s = (struct stream){{steal_fd(&guest), steal_fd(&resolver)}, now()};
}

static void pass_on(struct relay *r, struct stream *s, int from)
{
    ssize_t n = recv(s->fd[from], r->message, MESSAGE, MSG_DONTWAIT);
    if (n <= 0 || io_write_all(s->fd[!from], r->message, (size_t)n))
        end_stream(s);
}

/* Ends what took too long; a resolver that is silent, a guest that forgot. */
static void expire(struct relay *r)
{
    time_t limit = now() - PATIENCE;
    for (size_t i = 0; i < QUERIES; i++)
        if (r->queries[i].fd >= 0 && r->queries[i].since < limit)
            end_query(&r->queries[i]);
    for (size_t i = 0; i < STREAMS; i++)
        if (r->streams[i].fd[0] >= 0 && r->streams[i].since < limit)
            end_stream(&r->streams[i]);
}

static void serve(struct relay *r)
{
    struct pollfd p[2 + QUERIES + 2 * STREAMS];
    for (;;) {
        size_t n = 0;
        p[n++] = (struct pollfd){.fd = r->udp, .events = POLLIN};
        p[n++] = (struct pollfd){.fd = r->tcp, .events = POLLIN};
        for (size_t i = 0; i < QUERIES; i++) /* poll ignores -1 */
            p[n++] = (struct pollfd){.fd = r->queries[i].fd, .events = POLLIN};
        for (size_t i = 0; i < 2 * STREAMS; i++)
            p[n++] = (struct pollfd){.fd = r->streams[i / 2].fd[i % 2], .events = POLLIN};
        if (poll(p, n, -1) < 0)
            continue;
        for (size_t i = 0; i < QUERIES; i++)
            if (p[2 + i].revents)
                answer(r, &r->queries[i]);
        for (size_t i = 0; i < 2 * STREAMS; i++)
            if (p[2 + QUERIES + i].revents && r->streams[i / 2].fd[i % 2] >= 0)
                pass_on(r, &r->streams[i / 2], (int)(i % 2));
        if (p[0].revents)
            ask(r);
        if (p[1].revents)
            greet(r);
        expire(r);
    }
}

/* UDP and TCP on one port, so that one rule names it. */
static int listen_both(struct relay *r, struct in_addr addr, uint16_t *port)
{
    for (int i = 0; i < BIND_TRIES; i++) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = addr};
        socklen_t len = sizeof(sin);
        cleanup_close int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cleanup_close int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (tcp < 0 || udp < 0 || bind(tcp, (struct sockaddr *)&sin, sizeof(sin)) || listen(tcp, STREAMS) ||
            getsockname(tcp, (struct sockaddr *)&sin, &len))
            return -1;
        if (bind(udp, (struct sockaddr *)&sin, sizeof(sin)))
            continue;
        *port = ntohs(sin.sin_port);
        r->tcp = steal_fd(&tcp);
        r->udp = steal_fd(&udp);
        return 0;
    }
    return -1;
}

/* Closes every descriptor but two, the standard ones too: the caller's output must not seem in use. */
static void close_but(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);
    if (low)
        close_range(0, low - 1, 0);
    if (high - low > 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0U, 0);
}

/* In the child: nothing of the parent's but the two sockets, no rights, and no longer than the parent.
 * From here it may only serve or die. */
static void become_relay(struct relay *r, uid_t uid, pid_t parent)
{
    sigset_t none;
    prctl(PR_SET_NAME, "netsetup-dns");
    close_but(r->udp, r->tcp);
    for (int i = 0; i < NSIG; i++)
        signal(i, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (privilege_drop(uid, 0))
        _exit(1);
    process_end_with(parent);
    serve(r);
}

static int find_resolver(struct relay *r, const char *address, struct err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    int problem = getaddrinfo(address, "53", &hints, &found);
    if (problem)
        return err_set(err, "cannot relay DNS to %s: %s", address, gai_strerror(problem));
    memcpy(&r->resolver, found->ai_addr, found->ai_addrlen);
    r->resolver_len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int dns_start(struct in_addr addr, const char *resolver, uid_t uid, uint16_t *port, struct err *err)
{
    struct relay *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set(err, "out of memory");
    r->udp = r->tcp = -1;
    for (size_t i = 0; i < QUERIES; i++)
        r->queries[i].fd = -1;
    for (size_t i = 0; i < STREAMS; i++)
        r->streams[i].fd[0] = r->streams[i].fd[1] = -1;
    pid_t parent = getpid(), pid;
    int pid_fd = -1;
    if (find_resolver(r, resolver, err))
        ; /* err is set */
    else if (listen_both(r, addr, port))
        err_sys(err, "cannot listen for the guest's DNS queries on the TAP device's address");
    else if ((pid = process_fork(&pid_fd)) < 0)
        err_sys(err, "cannot start the DNS relay");
    else if (!pid)
        become_relay(r, uid, parent);
    close(r->udp);
    close(r->tcp);
    free(r);
    return pid_fd;
}
