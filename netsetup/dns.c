/* Forwarding packets is not enough: systemd-resolved takes queries from the loopback device only, and Docker's resolver
 * listens on a port that only Docker's own rules know.  A socket on the host reaches both.
 *
 * The relay is a separate process: a poll loop with dnsudp.c and dnstcp.c on it.  Its sockets are bound to the TAP
 * device, so whatever the firewall lets in, the relay reads from this guest only, and only packets with the guest's own
 * address.  The guest is not trusted: it can fill its own table and delay its own answers, no more. */
#include "netsetup/dns.h"
#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/loop.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/sandbox.h"
#include "netsetup/dnsservers.h"
#include "netsetup/dnstcp.h"
#include "netsetup/dnsudp.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* BURST: room for the queries that arrive before the relay gets its turn.  The kernel counts some 2 KiB for a small
 * query. */
enum { BIND_TRIES = 20, BURST = 4 << 20 };

struct relay {
    int udp, tcp;
    struct in_addr guest;
    struct dnsservers servers;
};

/* A socket that receives only from the TAP device. */
static int bound_socket(int type, const char *tap, const struct sockaddr_in *to)
{
    cleanup_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, tap, (socklen_t)strlen(tap)) < 0 ||
        bind(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
        return -1;
    return steal_fd(&fd);
}

/* UDP and TCP on one port, so that one rule names it. */
static int listen_both(struct relay *r, const struct net_link *link, uint16_t *port)
{
    const int room = BURST;
    for (int i = 0; i < BIND_TRIES; i++) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = link->tap_addr, .sin_port = htons(link->dns_port)};
        socklen_t len = sizeof(sin);
        cleanup_close int tcp = bound_socket(SOCK_STREAM, link->tap, &sin);
        if (tcp < 0 || listen(tcp, DNSTCP_STREAMS) < 0 || getsockname(tcp, (struct sockaddr *)&sin, &len) < 0)
            return -1;
        cleanup_close int udp = bound_socket(SOCK_DGRAM, link->tap, &sin);
        if (udp < 0 && errno == EADDRINUSE)
            continue;
        if (udp < 0 || (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 &&
                        setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0))
            return -1;
        *port = ntohs(sin.sin_port);
        r->tcp = steal_fd(&tcp);
        r->udp = steal_fd(&udp);
        return 0;
    }
    return -1;
}

/* Closes every descriptor except the two sockets, even the standard ones: the caller's output must not seem in use.
 * The standard numbers stay taken (/dev/null), so that printed text cannot reach a resolver's socket. */
static int keep_own(int udp, int tcp)
{
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, udp, tcp};
    int silent[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    for (int fd = 0; fd <= STDERR_FILENO; fd++) /* the caller may have closed them before */
        if (fd == udp || fd == tcp)
            silent[fd] = -1;
    return descriptors_blank(silent, 3) < 0 || descriptors_keep(kept, 5) < 0 ? -1 : 0;
}

static void serve(struct relay *r, struct loop *loop)
{
    const bool never = false;
    if (dnsudp_new(loop, r->udp, r->guest, &r->servers) && dnstcp_new(loop, r->tcp, r->guest, &r->servers))
        loop_run(loop, &never);
    _exit(1);
}

/* In the child: keeps only the two sockets of the parent's descriptors, has no privileges, and ends with the parent.
 * From here on it can only serve or die. */
static void become_relay(struct relay *r, uid_t uid, pid_t parent)
{
    sigset_t none;
    prctl(PR_SET_NAME, "netsetup-dns");
    if (keep_own(r->udp, r->tcp) < 0)
        _exit(1);
    for (int i = 0; i < NSIG; i++)
        signal(i, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (privilege_drop(uid, 0) < 0)
        _exit(1);
    process_end_with(parent);
    struct loop *loop = loop_new(); /* asks for a limit, which the filter does not allow */
    if (!loop || sandbox_enter(SANDBOX_RELAY, NULL) < 0)
        _exit(1);
    serve(r, loop);
}

static int add_servers(struct relay *r, const struct net_plan *plan, struct err *err)
{
    for (int i = 0; i < NET_DNS_SERVERS && plan->dns[i][0]; i++)
        if (dnsservers_add(&r->servers, plan->dns[i], err) < 0)
            return -1;
    return 0;
}

int dns_start(const struct net_plan *plan, struct net_link *link, struct err *err)
{
    struct relay r = {.udp = -1, .tcp = -1, .guest = link->guest_addr};
    pid_t parent = getpid(), pid;
    int pid_fd = -1;
    if (add_servers(&r, plan, err) < 0)
        return -1;
    if (listen_both(&r, link, &link->dns_port) < 0)
        return err_sys(err, "cannot listen for the guest's DNS queries on TAP device %s", link->tap);
    cleanup_close int udp = r.udp, tcp = r.tcp;
    if ((pid = process_fork(&pid_fd)) < 0)
        return err_sys(err, "cannot start the DNS relay");
    if (!pid)
        become_relay(&r, plan->relay, parent);
    return pid_fd;
}
