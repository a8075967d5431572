#include "netsetup/uplink.h"
#include "netsetup/link.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LOOPBACK = 1 };

/* Public addresses in both halves of the address space (0.0.0.0/1 and 128.0.0.0/1, and the like for IPv6). */
static const char *const samples[][2] = {{"1.0.0.1", "2600::1"}, {"129.0.0.1", "3000::1"}};

static void add_device(struct uplinks *u, unsigned ifindex)
{
    size_t i = 0;
    while (i < u->count && u->list[i].ifindex < ifindex)
        i++;
    if (ifindex <= LOOPBACK || u->count == UPLINKS_MAX || (i < u->count && u->list[i].ifindex == ifindex))
        return;
    memmove(&u->list[i + 1], &u->list[i], (u->count - i) * sizeof(u->list[0]));
    u->list[i] = (struct uplink){.ifindex = ifindex};
    u->count++;
}

static void add_hops(struct uplinks *u, const struct nlattr *multipath)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
    for (int left = mnl_attr_get_payload_len(multipath); RTNH_OK(hop, left);
         left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
        add_device(u, (unsigned)hop->rtnh_ifindex);
}

static void add_route(struct uplinks *u, const struct nlmsghdr *nlh)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;
    if (rt->rtm_type == RTN_UNICAST)
        mnl_attr_for_each(attr, nlh, sizeof(*rt))
        {
            if (mnl_attr_get_type(attr) == RTA_OIF)
                add_device(u, mnl_attr_get_u32(attr));
            else if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
                add_hops(u, attr);
        }
}

static int see_route(const struct nlmsghdr *nlh, void *data)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    if (!rt->rtm_dst_len && rt->rtm_table == RT_TABLE_MAIN)
        add_route(data, nlh);
    return MNL_CB_OK;
}

static int see_answer(const struct nlmsghdr *nlh, void *data)
{
    add_route(data, nlh);
    return MNL_CB_OK;
}

static void ask_route(struct uplinks *u, int family, const char *sample)
{
    char buf[NL_BUF];
    struct in6_addr addr;
    struct rtmsg *rt;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETROUTE, NLM_F_ACK, sizeof(*rt), &rt);
    size_t len = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    inet_pton(family, sample, &addr);
    rt->rtm_family = (uint8_t)family;
    rt->rtm_dst_len = (uint8_t)(len * 8);
    mnl_attr_put(nlh, RTA_DST, len, &addr);
    nl_call(NETLINK_ROUTE, nlh, see_answer, u); /* no route there: fails */
}

int uplinks_find(int family, struct uplinks *out)
{
    char buf[NL_BUF];
    struct rtmsg *rt;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt), &rt);
    *out = (struct uplinks){.count = 0};
    rt->rtm_family = (uint8_t)family;
    if (nl_call(NETLINK_ROUTE, nlh, see_route, out) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
        ask_route(out, family, samples[i][family == AF_INET6]);
    for (size_t i = 0; i < out->count;) {
        struct link_info info;
        if (link_find_index(out->list[i].ifindex, &info) == 0)
            memcpy(out->list[i++].name, info.name, IFNAMSIZ);
        else /* gone since */
            memmove(&out->list[i], &out->list[i + 1], (--out->count - i) * sizeof(out->list[0]));
    }
    return 0;
}

bool uplinks_same(const struct uplinks *a, const struct uplinks *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->list[i].ifindex == b->list[i].ifindex && strcmp(a->list[i].name, b->list[i].name) == 0;
    return same;
}
