/* libFuzzer target: the DNS relay, both halves of it on the real loop.  What the guest sends and what the servers send
 * is played from the input, and so are refusals, strangers, and time.  Its sockets are ends of socket pairs; what it
 * would say to the network about addresses is answered here.
 *
 *   make build/fuzz/fuzz_relay && build/fuzz/fuzz_relay -max_total_time=60 build/fuzz/relay.corpus */
#include "common/loop.h"
#include "netsetup/dnsmsg.h"
#include "netsetup/dnstcp.h"
#include "netsetup/dnsudp.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Far ends of what the relay has opened: more than it may have at a time. */
enum { ENDS = 256, GUEST = 0x0a000002, STRANGER = 0x0a000003, PORTS = 8 };

struct end {
    int far; /* -1: closed, by us */
    size_t len;
    uint8_t query[512]; /* what came last */
};

static struct {
    int udp[2], tcp[2]; /* near, far */
    uint32_t sender;    /* of what is on its way to the relay */
    uint16_t port;
    struct end end[ENDS];
    unsigned opened, refuse; /* refuse: calls yet to be refused */
    unsigned asked[PORTS];   /* queries that have had no answer, by the guest's port */
    bool done;
} world;

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- what the relay calls instead of the system ------------------------------------------------------------ */

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    if (name == SO_ERROR && world.refuse > 0 && world.refuse--) {
        *(int *)value = ECONNREFUSED;
        return 0;
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    ssize_t n = syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
    if (n <= 0 || world.refuse == 0 || world.refuse-- == 0)
        return n;
    errno = ECONNREFUSED;
    return -1;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)address, (void)len;
    int pair[2], type = SOCK_STREAM;
    socklen_t size = sizeof(type);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0);
    if (world.refuse > 0 && world.refuse--) {
        errno = ECONNREFUSED;
        return -1;
    }
    CHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0 && dup2(pair[0], fd) == fd);
    close(pair[0]);
    struct end *e = &world.end[world.opened++ % ENDS];
    close_end(&e->far);
    *e = (struct end){.far = pair[1]};
    return 0;
}

ssize_t recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from, socklen_t *size)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(world.port), .sin_addr = {htonl(world.sender)}};
    ssize_t n = syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
    if (n < 0)
        return n;
    CHECK(*size == sizeof(in));
    memcpy(from, &in, sizeof(in));
    if (world.sender == GUEST && dnsmsg_is_query(data, (size_t)n))
        world.asked[world.port]++;
    return n;
}

/* An answer: to the guest alone, and no more of them than it had questions. */
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t size)
{
    struct sockaddr_in in;
    (void)flags;
    CHECK(fd == world.udp[0] && size == sizeof(in) && len >= DNSMSG_HEADER && !dnsmsg_is_query(data, len));
    memcpy(&in, to, sizeof(in));
    CHECK(in.sin_addr.s_addr == htonl(GUEST) && ntohs(in.sin_port) < PORTS && world.asked[ntohs(in.sin_port)] > 0);
    world.asked[ntohs(in.sin_port)]--;
    return (ssize_t)len;
}

int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(world.sender)}};
    char one;
    int pair[2];
    (void)flags;
    if (read(fd, &one, 1) != 1)
        return -1;
    CHECK(*size == sizeof(in));
    memcpy(from, &in, sizeof(in));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    struct end *e = &world.end[world.opened++ % ENDS];
    close_end(&e->far);
    *e = (struct end){.far = pair[1]};
    return pair[0];
}

/* --- the world --------------------------------------------------------------------------------------------- */

/* A query of the guest's or of a stranger's; or bytes. */
static void send_query(uint8_t which)
{
    uint8_t text[DNSMSG_HEADER + 256 + 4] = {which, 0x17, 1, 0, 0, 1};
    size_t len;
    const uint8_t *bytes = sim_bytes(&len);
    world.sender = which % 16 == 15 ? STRANGER : GUEST;
    world.port = which % PORTS;
    memcpy(text + (which % 3 ? DNSMSG_HEADER : 0), bytes, len);
    sim_write(world.udp[1], text, len + (which % 3 ? DNSMSG_HEADER : 0) + (which % 5 ? 5 : 0));
}

/* What a server has heard last comes back as an answer, or nearly. */
static void send_answer(struct end *e)
{
    uint8_t text[512];
    ssize_t n = read(e->far, text, sizeof(text));
    if (n > 0) {
        memcpy(e->query, text, (size_t)n);
        e->len = (size_t)n;
    }
    uint8_t how = sim_byte();
    memcpy(text, e->query, e->len);
    if (e->len < DNSMSG_HEADER)
        return;
    text[2] |= 0x80;
    text[3] = how % 8;
    if (how & 8)
        text[0]++;
    if (how & 16)
        text[e->len - 1]++;
    sim_write(e->far, text, how & 32 ? DNSMSG_HEADER : e->len);
}

bool sim_step(void)
{
    if (!sim_more())
        return false;
    uint8_t step = sim_byte(), which = sim_byte();
    struct end *e = &world.end[which % ENDS];
    size_t len;
    const uint8_t *bytes;
    switch (step % 10) {
    case 0:
    case 1:
        send_query(which);
        break;
    case 2:
    case 3:
        send_answer(e);
        break;
    case 4:
        world.refuse = which % 8;
        break;
    case 5:
        sim_sleep(which * 100);
        break;
    case 6: /* a client comes, or many */
        world.sender = which % 16 == 15 ? STRANGER : GUEST;
        for (unsigned i = 0; i < 1U + (which > 250) * DNSTCP_STREAMS; i++)
            sim_write(world.tcp[1], "c", 1);
        break;
    case 7:
        bytes = sim_bytes(&len);
        sim_write(e->far, bytes, len);
        break;
    case 8:
        if (which & 1)
            sim_drain(e->far);
        else
            sim_flood(e->far);
        break;
    default: /* of a datagram socket's: ECONNREFUSED */
        close_end(&e->far);
    }
    return true;
}

static void time_is_up(struct timer *t)
{
    (void)t;
    world.done = true;
}

/* The world stays; it is silent, and time passes. */
void sim_end(void)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct dnsservers servers = {0};
    struct timer end = {.fired = time_is_up};
    struct loop *loop = loop_new();
    memset(&world, 0, sizeof(world));
    for (int i = 0; i < ENDS; i++)
        world.end[i].far = -1;
    sim_begin(data, size);
    for (uint8_t n = 1 + sim_byte() % DNSSERVERS_MAX; n > 0; n--)
        CHECK(dnsservers_add(&servers, "127.0.0.1", &err) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, world.udp) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, world.tcp) == 0);
    struct dnsudp *udp = dnsudp_new(loop, world.udp[0], (struct in_addr){htonl(GUEST)}, &servers);
    struct dnstcp *tcp = dnstcp_new(loop, world.tcp[0], (struct in_addr){htonl(GUEST)}, &servers);
    CHECK(loop && udp && tcp);
    loop_timer(loop, &end, UINT64_C(3600) * 1000000000);
    loop_run(loop, &world.done);
    for (int i = 0; i < PORTS; i++)
        CHECK(world.asked[i] == 0); /* the last ones with SERVFAIL */
    dnstcp_free(tcp);
    dnsudp_free(udp);
    loop_free(loop);
    for (int i = 0; i < ENDS; i++)
        close_end(&world.end[i].far);
    close_end(&world.udp[0]);
    close_end(&world.udp[1]);
    close_end(&world.tcp[0]);
    close_end(&world.tcp[1]);
    return 0;
}
