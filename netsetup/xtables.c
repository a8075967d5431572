/* The kernel gives a table as a row of entries, each with a head, matches and a target.  A built-in chain begins at its
 * hook's entry and ends with its policy.  Any other chain begins after an entry with the target ERROR, which has the
 * chain's name, and ends with a RETURN.  One more ERROR ends the row.  (linux/netfilter_ipv4/ip_tables.h, and what
 * iptables' libiptc does.) */
#include "common/cleanup.h"
#include "netsetup/fwscan.h"
#include "netsetup/legacy.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_TRIES = 20, LAST_PORT = 65535 };

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one layout for both families");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) == offsetof(struct ip6t_get_entries, entrytable),
               "one layout for both families");
/* What differs between the families. */
static const struct xt_layout {
    int level, get_info, get_entries;
    size_t head, target_at, next_at; /* bytes of an entry's head; where in it the lengths up to target and next are */
    size_t out_at;                   /* and the device that packets leave by */
} v4 = {IPPROTO_IP,
        IPT_SO_GET_INFO,
        IPT_SO_GET_ENTRIES,
        sizeof(struct ipt_entry),
        offsetof(struct ipt_entry, target_offset),
        offsetof(struct ipt_entry, next_offset),
        offsetof(struct ipt_entry, ip.outiface)},
  v6 = {IPPROTO_IPV6,
        IP6T_SO_GET_INFO,
        IP6T_SO_GET_ENTRIES,
        sizeof(struct ip6t_entry),
        offsetof(struct ip6t_entry, target_offset),
        offsetof(struct ip6t_entry, next_offset),
        offsetof(struct ip6t_entry, ipv6.outiface)};

struct table {
    const struct xt_layout *layout;
    struct ipt_getinfo info;
    struct ipt_get_entries *got; /* owned */
};

static const char *at(const struct table *t, size_t offset)
{
    return (const char *)t->got->entrytable + offset;
}

static size_t length(const struct table *t, size_t entry, size_t field)
{
    uint16_t len;
    memcpy(&len, at(t, entry) + field, sizeof(len));
    return len;
}

static const struct xt_entry_target *target(const struct table *t, size_t entry)
{
    return (const void *)(at(t, entry) + length(t, entry, t->layout->target_at));
}

static int verdict(const struct table *t, size_t entry)
{
    return ((const struct xt_standard_target *)(const void *)target(t, entry))->verdict;
}

/* The name that an entry gives to the chain after it; NULL if the entry is not such a head. */
static const char *header(const struct table *t, size_t entry)
{
    const struct xt_entry_target *found = target(t, entry);
    return strcmp(found->u.user.name, XT_ERROR_TARGET) != 0
               ? NULL
               : ((const struct xt_error_target *)(const void *)found)->errorname;
}

static size_t next(const struct table *t, size_t entry)
{
    size_t len = length(t, entry, t->layout->next_at);
    return len ? entry + len : t->info.size;
}

/* The hook whose first entry this is (where: hook_entry), or whose last entry this is (where: underflow);
 * NF_INET_NUMHOOKS: none. */
static unsigned hook(const struct table *t, const unsigned where[NF_INET_NUMHOOKS], size_t entry)
{
    unsigned h = 0;
    while (h < NF_INET_NUMHOOKS && !((t->info.valid_hooks >> h & 1) && where[h] == entry))
        h++;
    return h;
}

/* The chain that a jump leads to. */
static const char *jump(const struct table *t, size_t entry)
{
    int to = verdict(t, entry);
    if (strcmp(target(t, entry)->u.user.name, XT_STANDARD_TARGET) != 0 || to < 0)
        return NULL;
    for (size_t e = 0; e < t->info.size; e = next(t, e))
        if (next(t, e) == (size_t)to)
            return header(t, e);
    return NULL;
}

/* The match of that name in an entry, or NULL. */
static const void *match(const struct table *t, size_t entry, const char *name)
{
    size_t end = length(t, entry, t->layout->target_at);
    for (size_t m = t->layout->head; m < end;) {
        const struct xt_entry_match *found = (const void *)(at(t, entry) + m);
        if (strcmp(found->u.user.name, name) == 0)
            return found->data;
        m += found->u.match_size ? found->u.match_size : end;
    }
    return NULL;
}

/* An IPv4 rule that redirects a port.  struct xt_udp begins as struct xt_tcp does. */
static void see_dnat(struct fw_scan *scan, const struct table *t, size_t entry, const char *chain)
{
    const struct ipt_ip *ip = (const void *)at(t, entry);
    const struct xt_udp *ports = match(t, entry, ip->proto == IPPROTO_TCP ? "tcp" : "udp");
    if (!ports || (ports->dpts[0] == 0 && ports->dpts[1] == LAST_PORT))
        return;
    struct fw_dnat dnat = {
        .addr = ip->dst, .proto = (uint8_t)ip->proto, .first = ports->dpts[0], .last = ports->dpts[1]};
    fw_see_dnat(scan, chain, &dnat);
}

static void see_rule(struct fw_scan *scan, const struct table *t, size_t entry, const char *chain)
{
    bool forward = strcmp(t->info.name, "filter") == 0 && strcmp(chain, "FORWARD") == 0;
    struct fw_own *own = fw_see_rule(scan, t->info.name, chain, match(t, entry, "comment"),
                                     forward ? jump(t, entry) : NULL); /* takes time; only FORWARD needs it */
    if (own)
        snprintf(own->out, sizeof(own->out), "%s", at(t, entry) + t->layout->out_at);
    if (!own && scan->family == AF_INET && strcmp(t->info.name, "nat") == 0 &&
        fw_takes_ports(target(t, entry)->u.user.name))
        see_dnat(scan, t, entry, chain);
}

static void see_table(struct fw_scan *scan, const struct table *t)
{
    static const char *const hooks[NF_INET_NUMHOOKS] = {[NF_INET_PRE_ROUTING] = "PREROUTING",
                                                        [NF_INET_LOCAL_IN] = "INPUT",
                                                        [NF_INET_FORWARD] = "FORWARD",
                                                        [NF_INET_LOCAL_OUT] = "OUTPUT",
                                                        [NF_INET_POST_ROUTING] = "POSTROUTING"};
    const char *chain = "";
    for (size_t e = 0; e < t->info.size; e = next(t, e)) {
        unsigned first = hook(t, t->info.hook_entry, e);
        bool policy = hook(t, t->info.underflow, e) < NF_INET_NUMHOOKS, last = next(t, e) >= t->info.size;
        if (first < NF_INET_NUMHOOKS)
            chain = hooks[first];
        if (header(t, e))
            chain = header(t, e);
        if (policy || (header(t, e) && !last))
            fw_see_chain(scan, t->info.name, chain, policy && verdict(t, e) == -NF_DROP - 1);
        else if (!last && !header(t, next(t, e)))
            see_rule(scan, t, e, chain);
    }
}

/* EAGAIN: the table has changed since its size was asked for. */
static int read_table(int sock, struct table *t)
{
    for (int i = 0; i < READ_TRIES; i++) {
        socklen_t len = sizeof(t->info);
        if (getsockopt(sock, t->layout->level, t->layout->get_info, &t->info, &len) < 0)
            return -1;
        free(t->got);
        len = (socklen_t)sizeof(*t->got) + t->info.size;
        t->got = calloc(1, len);
        if (!t->got)
            return -1;
        memcpy(t->got->name, t->info.name, sizeof(t->got->name));
        t->got->size = t->info.size;
        if (getsockopt(sock, t->layout->level, t->layout->get_entries, t->got, &len) == 0)
            return 0;
        if (errno != EAGAIN)
            return -1;
    }
    return -1;
}

int xtables_scan(struct fw_scan *scan, const char *name, struct err *err)
{
    struct table t = {.layout = scan->family == AF_INET6 ? &v6 : &v4};
    snprintf(t.info.name, sizeof(t.info.name), "%s", name);
    cleanup_close int sock = socket(scan->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = sock < 0 ? -1 : read_table(sock, &t);
    if (r == 0)
        see_table(scan, &t);
    else
        err_sys(err, "cannot read the rules of the iptables-legacy table %s", name);
    free(t.got);
    return r;
}
