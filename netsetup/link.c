/* Devices are changed by index: a name may come to mean another device, an index does not. */
#include "netsetup/link.h"
#include "netsetup/nl.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void parse_link(const struct nlmsghdr *nlh, struct link_info *info)
{
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;
    memset(info, 0, sizeof(*info));
    info->ifindex = (unsigned)ifi->ifi_index;
    mnl_attr_for_each(attr, nlh, sizeof(*ifi))
    {
        if (mnl_attr_get_type(attr) == IFLA_IFNAME)
            snprintf(info->name, sizeof(info->name), "%s", mnl_attr_get_str(attr));
        else if (mnl_attr_get_type(attr) == IFLA_IFALIAS)
            snprintf(info->alias, sizeof(info->alias), "%s", mnl_attr_get_str(attr));
        else if (mnl_attr_get_type(attr) == IFLA_MTU)
            info->mtu = mnl_attr_get_u32(attr);
        else if (mnl_attr_get_type(attr) == IFLA_TXQLEN)
            info->queue = mnl_attr_get_u32(attr);
    }
}

static int one_link(const struct nlmsghdr *nlh, void *data)
{
    parse_link(nlh, data);
    return MNL_CB_OK;
}

static int get_link(const char *name, unsigned ifindex, struct link_info *out)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETLINK, NLM_F_ACK, sizeof(*ifi), &ifi);
    ifi->ifi_index = (int)ifindex;
    if (name)
        mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
    return nl_call(NETLINK_ROUTE, nlh, one_link, out);
}

int link_find(const char *name, struct link_info *out)
{
    return get_link(name, 0, out);
}

int link_find_index(unsigned ifindex, struct link_info *out)
{
    return get_link(NULL, ifindex, out);
}

struct link_visit {
    int (*each)(const struct link_info *info, void *data);
    void *data;
};

static int each_link(const struct nlmsghdr *nlh, void *data)
{
    const struct link_visit *e = data;
    struct link_info info;
    parse_link(nlh, &info);
    return e->each(&info, e->data) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int link_each(int (*each)(const struct link_info *info, void *data), void *data)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    struct link_visit e = {each, data};
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETLINK, NLM_F_DUMP, sizeof(*ifi), &ifi);
    return nl_call(NETLINK_ROUTE, nlh, each_link, &e);
}

static struct nlmsghdr *change(void *buf, unsigned ifindex, struct ifinfomsg **ifi)
{
    struct nlmsghdr *nlh = nl_request(buf, RTM_NEWLINK, NLM_F_ACK, sizeof(**ifi), ifi);
    (*ifi)->ifi_index = (int)ifindex;
    return nlh;
}

/* Per-device settings of IPv4, as net.ipv4.conf.<dev> has them; unlike that, this also works where
 * /proc/sys is read-only (a container that is not privileged). */
struct devconf {
    uint16_t key; /* IPV4_DEVCONF_* */
    uint32_t value;
};

static void put_devconf(struct nlmsghdr *nlh, const struct devconf *list, size_t count)
{
    struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
    struct nlattr *inet = mnl_attr_nest_start(nlh, AF_INET);
    struct nlattr *conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);
    for (size_t i = 0; i < count; i++)
        mnl_attr_put_u32(nlh, list[i].key, list[i].value);
    mnl_attr_nest_end(nlh, conf);
    mnl_attr_nest_end(nlh, inet);
    mnl_attr_nest_end(nlh, spec);
}

int link_configure(unsigned ifindex, const struct link_config *config)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    /* A packet that names its own next destination (RFC 791, 3.1) goes there after PREROUTING, past the rules that
     * refuse. */
    const struct devconf conf[] = {
        {IPV4_DEVCONF_FORWARDING, 1}, {IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0}, {IPV4_DEVCONF_ROUTE_LOCALNET, 1}};
    struct nlmsghdr *nlh = change(buf, ifindex, &ifi);
    ifi->ifi_flags = ifi->ifi_change = IFF_NOARP; /* neigh.h */
    mnl_attr_put_strz(nlh, IFLA_IFALIAS, config->alias);
    mnl_attr_put(nlh, IFLA_ADDRESS, ETH_ALEN, config->mac);
    mnl_attr_put_u32(nlh, IFLA_MTU, config->mtu);
    mnl_attr_put_u32(nlh, IFLA_GROUP, config->group);
    put_devconf(nlh, conf, config->route_localnet ? 3 : 2);
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

int link_no_autoconf(unsigned ifindex)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    struct nlmsghdr *nlh = change(buf, ifindex, &ifi);
    struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
    struct nlattr *inet6 = mnl_attr_nest_start(nlh, AF_INET6);
    mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(nlh, inet6);
    mnl_attr_nest_end(nlh, spec);
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

int link_up(unsigned ifindex, bool only_with_carrier)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    struct nlmsghdr *nlh = change(buf, ifindex, &ifi);
    ifi->ifi_flags = ifi->ifi_change = IFF_UP;
    if (only_with_carrier)
        put_devconf(nlh, &(struct devconf){IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN, 1}, 1);
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

int link_delete(unsigned ifindex)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    struct nlmsghdr *nlh = nl_request(buf, RTM_DELLINK, NLM_F_ACK, sizeof(*ifi), &ifi);
    ifi->ifi_index = (int)ifindex;
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

struct best {
    unsigned ifindex; /* 0 while none was seen */
    uint32_t metric;
};

static unsigned first_hop(const struct nlattr *multipath)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
    return mnl_attr_get_payload_len(multipath) >= sizeof(*hop) ? (unsigned)hop->rtnh_ifindex : 0;
}

static int default_route(const struct nlmsghdr *nlh, void *data)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    struct best *best = data;
    const struct nlattr *attr;
    unsigned ifindex = 0;
    uint32_t metric = 0;
    if (rt->rtm_dst_len || rt->rtm_type != RTN_UNICAST || rt->rtm_table != RT_TABLE_MAIN)
        return MNL_CB_OK;
    mnl_attr_for_each(attr, nlh, sizeof(*rt))
    {
        if (mnl_attr_get_type(attr) == RTA_OIF)
            ifindex = mnl_attr_get_u32(attr);
        else if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
            ifindex = first_hop(attr);
        else if (mnl_attr_get_type(attr) == RTA_PRIORITY)
            metric = mnl_attr_get_u32(attr);
    }
    if (ifindex && (!best->ifindex || metric < best->metric))
        *best = (struct best){ifindex, metric};
    return MNL_CB_OK;
}

int link_default(int family, struct link_info *out)
{
    char buf[NL_BUF];
    struct rtmsg *rt;
    struct best best = {0};
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt), &rt);
    rt->rtm_family = (uint8_t)family;
    if (nl_call(NETLINK_ROUTE, nlh, default_route, &best) < 0)
        return -1;
    if (!best.ifindex) {
        errno = ENOENT;
        return -1;
    }
    return link_find_index(best.ifindex, out);
}
