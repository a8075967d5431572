/* NAT rules are asked once a flow.  A UDP client that sent while no VM was there, or to one that is gone, has a
 * flow that never ends as long as it keeps trying; TCP clients start a new one.  Over ctnetlink
 * (linux/netfilter/nfnetlink_conntrack.h). */
#include "netsetup/conntrack.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static bool published(const struct net_ports *ports, unsigned port)
{
    for (size_t i = 0; i < ports->count; i++) {
        const struct net_port *p = &ports->list[i];
        if (p->udp && port >= p->host_port && port < p->host_port + (unsigned)p->count)
            return true;
    }
    return false;
}

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
    const struct nlattr *attr;
    if (!nest)
        return NULL;
    mnl_attr_for_each_nested(attr, nest)
    {
        if (mnl_attr_get_type(attr) == type)
            return attr;
    }
    return NULL;
}

/* A UDP flow's destination port, or 0. */
static unsigned udp_port(const struct nlattr *tuple)
{
    const struct nlattr *proto = find(tuple, CTA_TUPLE_PROTO);
    const struct nlattr *num = find(proto, CTA_PROTO_NUM), *port = find(proto, CTA_PROTO_DST_PORT);
    return num && port && mnl_attr_get_u8(num) == IPPROTO_UDP ? ntohs(mnl_attr_get_u16(port)) : 0;
}

static int forget(const struct nlmsghdr *flow, void *ports)
{
    char buf[NL_BUF];
    const struct nfgenmsg *seen = mnl_nlmsg_get_payload(flow);
    struct nfgenmsg *nfg;
    const struct nlattr *attr, *tuple = NULL;
    mnl_attr_for_each(attr, flow, sizeof(*seen))
    {
        if (mnl_attr_get_type(attr) == CTA_TUPLE_ORIG)
            tuple = attr;
    }
    if (!published(ports, udp_port(tuple)))
        return MNL_CB_OK;
    struct nlmsghdr *nlh =
        nl_request(buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK, sizeof(*nfg), &nfg);
    nfg->nfgen_family = seen->nfgen_family;
    mnl_attr_for_each(attr, flow, sizeof(*seen))
    {
        uint16_t type = mnl_attr_get_type(attr);
        if (type == CTA_TUPLE_ORIG)
            mnl_attr_put(nlh, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(attr),
                         mnl_attr_get_payload(attr));
        else if (type == CTA_ID || type == CTA_ZONE)
            mnl_attr_put(nlh, type, mnl_attr_get_payload_len(attr), mnl_attr_get_payload(attr));
    }
    nl_call(NETLINK_NETFILTER, nlh, NULL, NULL); /* gone by now: just as well */
    return MNL_CB_OK;
}

static bool none_at_all(void)
{
    cleanup_free char *count = io_read_file(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", 32, NULL);
    return count && !strcmp(count, "0\n");
}

void conntrack_forget(int family, const struct net_ports *ports)
{
    char buf[NL_BUF];
    struct nfgenmsg *nfg;
    bool any = false;
    for (size_t i = 0; i < ports->count; i++)
        any |= ports->list[i].udp;
    /* The kernel walks its whole table, 5 ms for 262144 buckets, whatever is in it. */
    if (!any || none_at_all())
        return;
    struct nlmsghdr *nlh =
        nl_request(buf, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, sizeof(*nfg), &nfg);
    nfg->nfgen_family = (uint8_t)family;
    nl_call(NETLINK_NETFILTER, nlh, forget, (void *)(uintptr_t)ports);
}
