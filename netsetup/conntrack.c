/* The kernel consults NAT rules once per flow, so a flow outlives them.  A UDP client that sent while no VM was there,
 * or to a VM that is gone, keeps its flow as long as it keeps trying.  A TCP client's SYN keeps its flow for two
 * minutes, a TCP connection for five days.  This file talks to the kernel over ctnetlink
 * (linux/netfilter/nfnetlink_conntrack.h). */
#include "netsetup/conntrack.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "netsetup/nl.h"
#include "netsetup/reset.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RESETS_MAX = 4096 };

/* One direction of a flow. */
struct tuple {
    uint8_t proto;
    union reset_end from, to;
};

/* A connection's other side, and the address of ours that it knows. */
struct conntrack_pair {
    union reset_end local, remote;
};

struct search {
    const struct conntrack_gone *gone;
    struct conntrack_lost *lost; /* NULL: forget the flows that are found */
};

static void read_end(union reset_end *end, const struct nlattr *v4, const struct nlattr *v6, const struct nlattr *port)
{
    if (v4)
        end->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = mnl_attr_get_u32(v4)};
    if (v6 && mnl_attr_get_payload_len(v6) == sizeof(end->v6.sin6_addr)) {
        end->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
        memcpy(&end->v6.sin6_addr, mnl_attr_get_payload(v6), sizeof(end->v6.sin6_addr));
    }
    if (port)
        end->v4.sin_port = mnl_attr_get_u16(port); /* where sin6_port is, too */
}

static void read_tuple(struct tuple *t, const struct nlattr *attr)
{
    NL_NEST(a, attr, CTA_TUPLE_MAX);
    NL_NEST(ip, a[CTA_TUPLE_IP], CTA_IP_MAX);
    NL_NEST(proto, a[CTA_TUPLE_PROTO], CTA_PROTO_MAX);
    memset(t, 0, sizeof(*t));
    if (proto[CTA_PROTO_NUM])
        t->proto = mnl_attr_get_u8(proto[CTA_PROTO_NUM]);
    read_end(&t->from, ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC], proto[CTA_PROTO_SRC_PORT]);
    read_end(&t->to, ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST], proto[CTA_PROTO_DST_PORT]);
}

static bool same_end(const union reset_end *a, const union reset_end *b)
{
    if (a->any.sa_family != b->any.sa_family || a->v4.sin_port != b->v4.sin_port)
        return false;
    return a->any.sa_family == AF_INET6 ? IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr)
                                        : a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

/* With all ports, every UDP flow that no rule redirects.  If the flow belongs to a socket here, its next packet reaches
 * the socket again. */
static bool published(const struct net_ports *ports, const struct tuple *asked, const struct tuple *answered)
{
    unsigned port = ntohs(asked->to.v4.sin_port);
    if (ports && ports->all)
        return asked->proto == IPPROTO_UDP && same_end(&asked->to, &answered->from);
    for (size_t i = 0; ports && asked->proto == IPPROTO_UDP && i < ports->count; i++) {
        const struct net_port *p = &ports->list[i];
        if (p->udp && port >= p->host_port && port < p->host_port + (unsigned)p->count)
            return true;
    }
    return false;
}

static bool is_guest(const struct conntrack_gone *gone, const union reset_end *end)
{
    if (end->any.sa_family == AF_INET)
        return gone->guest.s_addr && end->v4.sin_addr.s_addr == gone->guest.s_addr;
    return end->any.sa_family == AF_INET6 && gone->guest6.s6_addr[0] &&
           IN6_ARE_ADDR_EQUAL(&end->v6.sin6_addr, &gone->guest6);
}

/* An established connection whose remote end knows the guest by an address of the host. */
static void note_lost(const struct search *s, const struct tuple *asked, const struct tuple *answered,
                      const struct nlattr *protoinfo)
{
    NL_NEST(info, protoinfo, CTA_PROTOINFO_MAX);
    NL_NEST(tcp, info[CTA_PROTOINFO_TCP], CTA_PROTOINFO_TCP_MAX);
    uint8_t state = tcp[CTA_PROTOINFO_TCP_STATE] ? mnl_attr_get_u8(tcp[CTA_PROTOINFO_TCP_STATE]) : 0;
    struct conntrack_pair pair = is_guest(s->gone, &asked->from) ? (struct conntrack_pair){answered->to, answered->from}
                                                                 : (struct conntrack_pair){asked->to, asked->from};
    if (state < TCP_CONNTRACK_SYN_RECV || state > TCP_CONNTRACK_CLOSE_WAIT || is_guest(s->gone, &pair.local) ||
        s->lost->count == RESETS_MAX)
        return;
    struct conntrack_pair *grown = reallocarray(s->lost->list, s->lost->count + 1, sizeof(*grown));
    if (!grown)
        return;
    s->lost->list = grown;
    s->lost->list[s->lost->count++] = pair;
}

static void delete_flow(const struct nlmsghdr *flow, const struct nlattr *const a[])
{
    char buf[NL_BUF];
    static const uint16_t names[] = {CTA_ID, CTA_ZONE};
    const struct nfgenmsg *seen = mnl_nlmsg_get_payload(flow);
    struct nfgenmsg *nfg;
    struct nlmsghdr *nlh =
        nl_request(buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK, sizeof(*nfg), &nfg);
    nfg->nfgen_family = seen->nfgen_family;
    mnl_attr_put(nlh, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(a[CTA_TUPLE_ORIG]),
                 mnl_attr_get_payload(a[CTA_TUPLE_ORIG]));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (a[names[i]])
            mnl_attr_put(nlh, names[i], mnl_attr_get_payload_len(a[names[i]]), mnl_attr_get_payload(a[names[i]]));
    nl_call(NETLINK_NETFILTER, nlh, NULL, NULL); /* a failure means that the flow has ended already */
}

static int see_flow(const struct nlmsghdr *flow, void *data)
{
    const struct search *s = data;
    const struct nlattr *a[CTA_MAX + 1] = {NULL};
    struct tuple asked, answered;
    mnl_attr_parse(flow, sizeof(struct nfgenmsg), nl_sort_attr, &(struct nl_attrs){a, CTA_MAX});
    if (!a[CTA_TUPLE_ORIG] || !a[CTA_TUPLE_REPLY])
        return MNL_CB_OK;
    read_tuple(&asked, a[CTA_TUPLE_ORIG]);
    read_tuple(&answered, a[CTA_TUPLE_REPLY]);
    bool of_guest = is_guest(s->gone, &asked.from) || is_guest(s->gone, &answered.from);
    if (s->lost && of_guest && asked.proto == IPPROTO_TCP)
        note_lost(s, &asked, &answered, a[CTA_PROTOINFO]);
    else if (!s->lost && (of_guest || published(s->gone->ports, &asked, &answered)))
        delete_flow(flow, a);
    return MNL_CB_OK;
}

static bool none_at_all(void)
{
    cleanup_free char *count = io_read_file(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", 32, NULL);
    return count && strcmp(count, "0\n") == 0;
}

static void walk(struct search *s)
{
    char buf[NL_BUF];
    struct nfgenmsg *nfg; /* of both families */
    bool any = s->gone->guest.s_addr || (s->gone->ports && s->gone->ports->all);
    for (size_t i = 0; s->gone->ports && i < s->gone->ports->count; i++)
        any |= s->gone->ports->list[i].udp;
    /* The kernel walks its whole table, 5 ms for 262144 buckets, whatever is in it. */
    if (!any || none_at_all())
        return;
    struct nlmsghdr *nlh =
        nl_request(buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, sizeof(*nfg), &nfg);
    nl_call(NETLINK_NETFILTER, nlh, see_flow, s);
}

void conntrack_find(const struct conntrack_gone *gone, struct conntrack_lost *lost)
{
    walk(&(struct search){gone, lost});
}

void conntrack_forget(const struct conntrack_gone *gone)
{
    walk(&(struct search){gone, NULL});
}

void conntrack_reset(struct conntrack_lost *lost)
{
    for (size_t i = 0; i < lost->count; i++)
        reset_peer(&lost->list[i].local, &lost->list[i].remote);
    free(lost->list);
    *lost = (struct conntrack_lost){0};
}
