/* Which packets may pass, and which table decides.
 *
 * Refusals must hold whatever other rules accept, and acceptances must hold whatever the chain's end or policy refuses.
 * So refusals are in the tables that packets pass first (raw, mangle), where ours come first; acceptances are in
 * filter, after the user's own DOCKER-USER rules and before everything else.
 *
 *   raw PREROUTING     the guest is who it says it is; what forbidden.c lists is not for it; and it is nobody's
 *                      router or neighbour (neigh.h), so it has no say in routes and neighbour tables
 *   mangle PREROUTING  the guest takes no more of the kernel's shared tables than it may (bounds.h); and its ICMP
 *                      errors are about its own packets
 *   mangle INPUT       no new connections to the host itself, pings apart
 *   mangle FORWARD     nothing towards the guest but answers and published ports (they are DNAT); and what it
 *                      begins leaves by the uplinks only, which a chain of the VM's names (uplink.h, watch.h)
 *   nat                published ports, from outside (PREROUTING) and from the host (OUTPUT); leaving with the
 *                      host's address (POSTROUTING, matched on the guest's, whatever the interface is)
 *   filter FORWARD     this TAP with this address may pass where the policy is DROP
 *   filter FORWARD, OUTPUT, INPUT  a dead guest's clients are refused
 *   nat, filter INPUT  the guest's way to the DNS relay; before published ports, one of which may be 53
 */
#include "netsetup/rules.h"
#include "common/mac.h"
#include "netsetup/fallback.h"
#include "netsetup/forbidden.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PASSING "ESTABLISHED,RELATED,DNAT"
#define BEGINS "-m conntrack ! --ctstate ESTABLISHED,RELATED"

const char *rules_owner(const char *text)
{
    static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t skip = strlen(RULES_COMMENT);
    if (!text || strncmp(text, RULES_COMMENT, skip) != 0)
        return NULL;
    const char *mark = text + skip;
    size_t len = strspn(mark, ok);
    const char *nonce = mark[len] == '~' ? mark + len + 1 : NULL;
    if (!len || len > NET_ID_MAX || (nonce ? strlen(nonce) != 8 || strspn(nonce, "0123456789abcdef") != 8 : mark[len]))
        return NULL;
    return mark;
}

/* The names that differ between the address families, and the ICMP types that no guest has a reason to send: an honest
 * guest needs pings and errors (path MTU discovery, traceroute).  The kernel takes IPv6's neighbour discovery (RFC
 * 4861: 133-137) from any source address on the link, and enters each into its table of neighbours. */
struct family {
    int af;
    const char *icmp, *but_pings;
    const char *refused[6]; /* matches */
};
static const struct family v4 = {
    AF_INET, "icmp", "-p icmp ! --icmp-type echo-request", {"-p icmp --icmp-type redirect"}};
static const struct family v6 = {
    AF_INET6,
    "ipv6-icmp",
    "-p ipv6-icmp ! --icmpv6-type echo-request",
    {"-p ipv6-icmp --icmpv6-type router-solicitation", "-p ipv6-icmp --icmpv6-type router-advertisement",
     "-p ipv6-icmp --icmpv6-type neighbour-solicitation", "-p ipv6-icmp --icmpv6-type neighbour-advertisement",
     "-p ipv6-icmp --icmpv6-type redirect"}};

/* What all rules of a VM have in common. */
struct ctx {
    struct buf *out;
    const struct family *family;
    const struct net_plan *plan;
    const struct net_link *link;
    const char *tap;
    char guest[INET6_ADDRSTRLEN];
};

/* One rule: where, what it matches, and where it leads. */
static void rule(const struct ctx *c, const char *where, const char *target, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void rule(const struct ctx *c, const char *where, const char *target, const char *fmt, ...)
{
    char match[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(match, sizeof(match), fmt, ap);
    va_end(ap);
    buf_fmt(c->out, "%s %s -m comment --comment " RULES_COMMENT "%s -j %s\n", where, match, c->plan->id, target);
}

static void raw(const struct ctx *c)
{
    char mac[MAC_TEXT], destination[FORBIDDEN_TEXT];
    struct forbidden no[FORBIDDEN_MAX];
    buf_str(c->out, "*raw\n");
    rule(c, "-I PREROUTING", "DROP", "-i %s ! -s %s", c->tap, c->guest);
    rule(c, "-I PREROUTING", "DROP", "-i %s -m mac ! --mac-source %s", c->tap, mac_text(c->link->guest_mac, mac));
    for (const char *const *match = c->family->refused; *match; match++)
        rule(c, "-I PREROUTING", "DROP", "-i %s %s", c->tap, *match);
    for (size_t n = forbidden_list(no); n--;)
        if (no[n].family == c->family->af)
            rule(c, "-I PREROUTING", "DROP", "-i %s -d %s", c->tap, forbidden_text(&no[n], destination));
    buf_str(c->out, "COMMIT\n");
}

/* The chain's name ends in the unique part of the VM's mark, not in the TAP's name: the next VM's TAP may have the same
 * name while rules of a dead VM are still there.  If both had one chain, each would keep the kernel from removing it
 * (EBUSY, for a jump from the other's rule). */
struct chain_name {
    char name[sizeof(RULES_CHAIN) + IFNAMSIZ];
};

static struct chain_name own_chain(const struct ctx *c)
{
    struct chain_name chain;
    const char *nonce = strchr(c->plan->id, '~');
    snprintf(chain.name, sizeof(chain.name), RULES_CHAIN "%.*s", IFNAMSIZ - 1, nonce ? nonce + 1 : c->tap);
    return chain;
}

/* Other guests are reached through devices of our group, and refuse by their own rules (-o, in mangle's FORWARD). */
static void way_out(const struct ctx *c, const struct uplinks *uplinks)
{
    char where[sizeof("-A ") + sizeof(struct chain_name)];
    snprintf(where, sizeof(where), "-A %s", own_chain(c).name);
    rule(c, where, "RETURN", "-m devgroup --dst-group %#x", RULES_GROUP);
    if (c->plan->uplink[0])
        rule(c, where, "RETURN", "-o %s", c->plan->uplink);
    else
        for (size_t i = 0; i < uplinks->count; i++)
            rule(c, where, "RETURN", "-o %s", uplinks->list[i].name);
    rule(c, where, "DROP", "-i %s", c->tap);
}

/* Only packets of new connections count.  When hashlimit's table is full, it drops packets that have no entry there.
 * It requires a rate too, which no guest reaches.  An ICMP echo has no ports but makes a connection for each
 * identifier. */
static void full_table(const struct ctx *c, const char *mode, const char *name, unsigned most, unsigned seconds)
{
    rule(c, "-I PREROUTING", "DROP",
         "-i %s " BEGINS " -m hashlimit --hashlimit-above 1000000/sec --hashlimit-burst 1000000 --hashlimit-mode %s "
         "--hashlimit-name %s%s --hashlimit-htable-size %u --hashlimit-htable-max %u --hashlimit-htable-expire %u000 "
         "--hashlimit-htable-gcinterval 500",
         c->tap, mode, name, c->tap, most / 4, most, seconds);
}

static void bounds(const struct ctx *c)
{
    const struct bounds *b = &c->link->bounds;
    if (!b->flows)
        return;
    rule(c, "-I PREROUTING", "DROP",
         "-i %s -p %s " BEGINS " -m hashlimit --hashlimit-above 100/sec "
         "--hashlimit-burst 1000 --hashlimit-name " BOUNDS_PINGS "%s",
         c->tap, c->family->icmp, c->tap);
    full_table(c, "srcport,dstip,dstport", BOUNDS_FLOWS, b->flows, BOUNDS_FLOWS_SECONDS);
    full_table(c, "dstip", BOUNDS_PEERS, b->peers[c->family->af == AF_INET6], BOUNDS_PEERS_SECONDS);
}

/* The kernel believes an ICMP error whoever sent it, and looks only at the packet that the error quotes: it would
 * change the host's path MTU, or end another guest's connection.  If conntrack knows the flow of the quoted packet, the
 * error is RELATED and has the flow's addresses (--ctorigsrc, --ctreplsrc); otherwise it is INVALID. */
static void own_errors(const struct ctx *c)
{
    rule(c, "-I PREROUTING", "DROP", "-i %s -m conntrack --ctstate RELATED ! --ctorigsrc %s ! --ctreplsrc %s", c->tap,
         c->guest, c->guest);
    rule(c, "-I PREROUTING", "DROP", "-i %s %s " BEGINS, c->tap, c->family->but_pings);
}

/* Inserted at the top one by one, so the last written is the first matched. */
static void mangle(const struct ctx *c)
{
    buf_str(c->out, "*mangle\n");
    bounds(c);
    own_errors(c);
    if (!c->plan->host_access)
        rule(c, "-I INPUT", "DROP", "-i %s ! -p %s -m conntrack ! --ctstate " PASSING, c->tap, c->family->icmp);
    rule(c, "-I FORWARD", "DROP", "-o %s -m conntrack ! --ctstate " PASSING, c->tap);
    if (c->plan->guest_access)
        rule(c, "-I FORWARD", "ACCEPT", "-m devgroup --src-group %#x -o %s -d %s", RULES_GROUP, c->tap, c->guest);
    if (strcmp(c->plan->uplink, UPLINK_ANY) != 0) {
        const struct chain_name chain = own_chain(c);
        buf_fmt(c->out, ":%s - [0:0]\n", chain.name);
        way_out(c, &c->link->uplinks[c->family->af == AF_INET6]);
        rule(c, "-I FORWARD", chain.name, "-i %s -m conntrack ! --ctstate " PASSING, c->tap);
    }
    buf_str(c->out, "COMMIT\n");
}

/* The DNAT target: one port; a range that keeps its numbers (then only the address changes); or a shifted
 * range, which the target counts from the range's own first port. */
static void dnat(const struct ctx *c, const char *where, const struct net_port *p)
{
    char match[64], target[128], addr[INET_ADDRSTRLEN], to[32] = "";
    unsigned last = p->host_port + p->count - 1U, guest_last = p->guest_port + p->count - 1U;
    bool bracket = c->family->af == AF_INET6;
    /* The kernel never lets ::1 leave: without the exception a client would wait instead of trying IPv4. */
    char ports[16];
    snprintf(match, sizeof(match), "-m addrtype --dst-type LOCAL%s", bracket ? " ! -d ::1" : "");
    if (p->host_addr.s_addr)
        snprintf(match, sizeof(match), "-d %s", inet_ntop(AF_INET, &p->host_addr, addr, sizeof(addr)));
    if (p->count == 1)
        snprintf(to, sizeof(to), ":%u", p->guest_port);
    else if (p->guest_port != p->host_port)
        snprintf(to, sizeof(to), ":%u-%u/%u", p->guest_port, guest_last, p->host_port);
    snprintf(target, sizeof(target), "DNAT --to-destination %s%s%s%s", bracket ? "[" : "", c->guest, bracket ? "]" : "",
             to);
    snprintf(ports, sizeof(ports), p->count == 1 ? "%u" : "%u:%u", p->host_port, last);
    rule(c, where, target, "-p %s --dport %s %s", p->udp ? "udp" : "tcp", ports, match);
}

/* Publishes every port at this namespace's addresses, except packets for sockets here.  Answers to connections do not
 * reach these rules (the kernel asks the nat table once for each connection).  OUTPUT has no such rules, so nothing
 * changes for the namespace's own programs, including their resolvers on loopback addresses. */
static void publish_all(const struct ctx *c)
{
#define HERE "-m addrtype --dst-type LOCAL"
    char target[64 + INET6_ADDRSTRLEN];
    snprintf(target, sizeof(target), "DNAT --to-destination %s", c->guest);
    rule(c, "-A PREROUTING", "ACCEPT", HERE " -m socket --nowildcard");
    rule(c, "-A PREROUTING", target, HERE " -p tcp");
    rule(c, "-A PREROUTING", target, HERE " -p udp");
}

static bool is_loopback(struct in_addr a)
{
    return (ntohl(a.s_addr) >> 24) == 127;
}

static void publish(const struct ctx *c)
{
    for (size_t i = 0; i < c->plan->ports.count; i++) {
        const struct net_port *p = &c->plan->ports.list[i];
        if (p->host_addr.s_addr && c->family->af == AF_INET6)
            continue; /* published on an IPv4 address only */
        if (!is_loopback(p->host_addr))
            dnat(c, "-A PREROUTING", p);
        dnat(c, "-A OUTPUT", p);
    }
    if (c->plan->ports.count && c->family->af == AF_INET) /* a client on 127.0.0.1: the guest answers the TAP */
        rule(c, "-A POSTROUTING", "MASQUERADE", "-s 127.0.0.0/8 -d %s -o %s", c->guest, c->tap);
}

static void dns(const struct ctx *c, const char *where, const char *target, const char *proto, unsigned port)
{
    char addr[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &c->link->tap_addr, addr, sizeof(addr));
    if (c->link->dns_port && c->family->af == AF_INET)
        rule(c, where, target, "-i %s -s %s -d %s -p %s --dport %u", c->tap, c->guest, addr, proto, port);
}

static void nat(const struct ctx *c)
{
    char redirect[48];
    snprintf(redirect, sizeof(redirect), "REDIRECT --to-ports %u", c->link->dns_port);
    buf_str(c->out, "*nat\n");
    c->plan->ports.all ? publish_all(c) : publish(c);
    dns(c, "-I PREROUTING", redirect, "udp", 53);
    dns(c, "-I PREROUTING", redirect, "tcp", 53);
    rule(c, "-A POSTROUTING", "MASQUERADE", "-s %s", c->guest);
    buf_str(c->out, "COMMIT\n");
}

/* The guest is dead when packets for it take another way (fallback.h). */
static void refuse(const struct ctx *c, const char *where, const char *elsewhere)
{
    rule(c, where, "REJECT", "%s -d %s", elsewhere, c->guest);
    rule(c, where, "REJECT --reject-with tcp-reset", "%s -d %s -p tcp", elsewhere, c->guest);
}

/* In OUTPUT, -o is still the device from before the destination was changed. */
static void refuse_all(const struct ctx *c, const char *where)
{
    char elsewhere[32];
    snprintf(elsewhere, sizeof(elsewhere), "! -o %s", c->tap);
    refuse(c, where, elsewhere);
    snprintf(elsewhere, sizeof(elsewhere), "-m realm --realm %#x", FALLBACK_REALM);
    if (c->family->af == AF_INET)
        refuse(c, "-I OUTPUT", elsewhere);
    else
        refuse(c, "-I INPUT", "");
}

static void filter(const struct ctx *c, unsigned at)
{
    char where[32];
    snprintf(where, sizeof(where), "-I FORWARD %u", at);
    buf_str(c->out, "*filter\n");
    rule(c, where, "ACCEPT", "-i %s -s %s", c->tap, c->guest);
    rule(c, where, "ACCEPT", "-o %s -d %s -m conntrack --ctstate " PASSING, c->tap, c->guest);
    if (c->plan->guest_access)
        rule(c, where, "ACCEPT", "-m devgroup --src-group %#x -o %s -d %s", RULES_GROUP, c->tap, c->guest);
    if (!c->link->bare)
        refuse_all(c, where);
    if (c->plan->host_access)
        rule(c, "-I INPUT", "ACCEPT", "-i %s -s %s", c->tap, c->guest);
    dns(c, "-I INPUT", "ACCEPT", "udp", c->link->dns_port);
    dns(c, "-I INPUT", "ACCEPT", "tcp", c->link->dns_port);
    buf_str(c->out, "COMMIT\n");
}

void rules_text(struct buf *out, int family, const struct net_plan *plan, const struct net_link *link,
                unsigned forward_at)
{
    struct ctx c = {.out = out, .family = family == AF_INET6 ? &v6 : &v4, .plan = plan, .link = link, .tap = link->tap};
    const void *guest = family == AF_INET6 ? (const void *)&link->guest_addr6 : &link->guest_addr;
    inet_ntop(family, guest, c.guest, sizeof(c.guest));
    raw(&c);
    mangle(&c);
    nat(&c);
    filter(&c, forward_at);
}

void rules_chain(struct buf *out, const struct net_plan *plan, const struct net_link *link,
                 const struct uplinks *uplinks)
{
    struct ctx c = {.out = out, .plan = plan, .link = link, .tap = link->tap};
    buf_fmt(out, "*mangle\n-F %s\n", own_chain(&c).name);
    way_out(&c, uplinks);
    buf_str(out, "COMMIT\n");
}

void rules_closed(struct buf *out, const struct net_plan *plan, const struct net_link *link)
{
    struct ctx c = {.out = out, .plan = plan};
    buf_str(out, "*raw\n");
    rule(&c, "-I PREROUTING", "DROP", "-i %s", link->tap);
    buf_str(out, "COMMIT\n");
}
