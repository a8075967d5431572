/* A claim is a bound socket that does not listen: the kernel refuses the port to every other process, and refuses it to
 * us if another process has it.  Packets are redirected to the guest before they could reach the socket. */
#include "netsetup/portclaim.h"
#include "common/cleanup.h"
#include "netsetup/claim.h"
#include "netsetup/holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void portclaim_release(struct portclaim *claim)
{
    for (size_t i = 0; i < claim->count; i++)
        close(claim->fds[i]);
    free(claim->fds);
    *claim = (struct portclaim){0};
}

/* SO_REUSEADDR gets past connections of a server that has ended (TIME_WAIT, a minute), such as the container that this
 * VM replaces.  Of two sockets with this option, neither excludes the other unless one listens or turns the option off
 * again.  The kernel notices the latter only if the socket has listened before. */
static int bind_alone(int fd, int type, const struct sockaddr *addr, socklen_t len)
{
    const int on = 1, off = 0;
    if (type != SOCK_STREAM)
        return bind(fd, addr, len);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 || bind(fd, addr, len) < 0 || listen(fd, 0) < 0 ||
        shutdown(fd, SHUT_RD) < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)) < 0)
        return -1;
    return 0;
}

static int bound_v4(int type, struct in_addr addr, uint16_t port)
{
    const struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = addr, .sin_port = htons(port)};
    cleanup_close int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind_alone(fd, type, (const struct sockaddr *)&sin, sizeof(sin)) < 0)
        return -1;
    return steal_fd(&fd);
}

static int bound_v6(int type, uint16_t port)
{
    const struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const int one = 1;
    cleanup_close int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0 ||
        bind_alone(fd, type, (const struct sockaddr *)&sin6, sizeof(sin6)) < 0)
        return -1;
    return steal_fd(&fd);
}

static int refuse_port(const struct net_port *p, unsigned port, bool ipv6, struct err *err)
{
    char addr[INET_ADDRSTRLEN];
    const char *proto = p->udp ? "udp" : "tcp";
    inet_ntop(AF_INET, &p->host_addr, addr, sizeof(addr));
    if (errno == EADDRINUSE) {
        char holder[64];
        err_set(err, "cannot publish port %u/%s: it is already in use on this host", port, proto);
        if (holder_find(p->udp, ipv6, port, holder, sizeof(holder)))
            err_hint(err, "by %s", holder);
        return -1;
    }
    if (errno == EADDRNOTAVAIL)
        return err_set(err, "cannot publish port %u/%s on %s: this host does not have that address", port, proto, addr);
    err_sys(err, "cannot publish port %u/%s on %s", port, proto, addr);
    if (errno == EACCES)
        err_hint(err, "is CAP_NET_BIND_SERVICE granted?");
    else if (errno == EMFILE)
        err_hint(err, "each published port needs a descriptor: raise the limit of open files");
    return -1;
}

/* Keeps fd, or reports why there is none. */
static int keep(struct portclaim *claim, int fd, const struct net_port *p, unsigned port, bool ipv6, struct err *err)
{
    if (fd < 0)
        return refuse_port(p, port, ipv6, err);
    claim->fds[claim->count++] = fd;
    return 0;
}

static int take_all(struct portclaim *claim, struct err *err)
{
    int fd = claim_ports();
    if (fd >= 0) {
        claim->fds[claim->count++] = fd;
        return 0;
    }
    if (errno != EADDRINUSE)
        return err_sys(err, "cannot claim all ports");
    err_set(err, "VM_PORTS=all: another VM in this network namespace has all ports already");
    err_hint(err, "start this VM in a network namespace of its own");
    return -1;
}

int portclaim_take(struct portclaim *claim, const struct net_ports *ports, bool ipv6, struct err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < ports->count; i++)
        total += 2 * (size_t)ports->list[i].count;
    claim->count = 0;
    claim->fds = calloc(total + 1, sizeof(*claim->fds));
    if (!claim->fds)
        return err_set(err, "out of memory");
    if (ports->all)
        return take_all(claim, err);
    for (size_t i = 0; i < ports->count; i++) {
        const struct net_port *p = &ports->list[i];
        int type = p->udp ? SOCK_DGRAM : SOCK_STREAM;
        for (unsigned port = p->host_port; port < p->host_port + (unsigned)p->count; port++) {
            if (keep(claim, bound_v4(type, p->host_addr, (uint16_t)port), p, port, false, err) < 0)
                return -1;
            if (ipv6 && !p->host_addr.s_addr && keep(claim, bound_v6(type, (uint16_t)port), p, port, true, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* An address of this host's that others reach: one that can be bound to, loopback apart. */
static bool is_public(struct in_addr addr)
{
    cleanup_close int fd = bound_v4(SOCK_DGRAM, addr, 0);
    return fd >= 0 && ntohl(addr.s_addr) >> 24 != 127;
}

static bool takes(const struct fw_dnat *d, const struct net_port *p)
{
    if (d->proto != (p->udp ? IPPROTO_UDP : IPPROTO_TCP) || d->first >= p->host_port + (unsigned)p->count ||
        d->last < p->host_port)
        return false;
    if (!d->addr.s_addr)
        return ntohl(p->host_addr.s_addr) >> 24 != 127;
    return p->host_addr.s_addr ? d->addr.s_addr == p->host_addr.s_addr : is_public(d->addr);
}

int portclaim_foreign(const struct net_ports *ports, const struct fw_dnat *list, size_t count, struct err *err)
{
    for (size_t i = 0; i < ports->count; i++)
        for (const struct fw_dnat *d = list; d < list + count; d++) {
            const struct net_port *p = &ports->list[i];
            if (takes(d, p))
                return err_set(err,
                               "cannot publish port %u/%s: a NAT rule of this host redirects it (iptables -t nat "
                               "-S %s)",
                               d->first > p->host_port ? d->first : p->host_port, p->udp ? "udp" : "tcp", d->chain);
        }
    return 0;
}
