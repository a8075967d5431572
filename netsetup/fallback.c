#include "netsetup/fallback.h"
#include "netsetup/netsetup.h"
#include "netsetup/nl.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    LOOPBACK = 1 /* its index in every network namespace */,
    PROTOCOL = 206 /* who made the route: nobody else in rt_protos */
};

static int change(uint16_t type, uint16_t flags, struct in_addr addr)
{
    char buf[NL_BUF];
    struct rtmsg *rt;
    struct nlmsghdr *nlh = nl_request(buf, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*rt), &rt);
    *rt = (struct rtmsg){.rtm_family = AF_INET,
                         .rtm_dst_len = NET_PREFIX,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = PROTOCOL,
                         .rtm_scope = RT_SCOPE_LINK,
                         .rtm_type = RTN_UNICAST};
    mnl_attr_put_u32(nlh, RTA_DST, addr.s_addr & htonl(UINT32_MAX << (32 - NET_PREFIX)));
    mnl_attr_put_u32(nlh, RTA_OIF, LOOPBACK);
    mnl_attr_put_u32(nlh, RTA_FLOW, FALLBACK_REALM);
    mnl_attr_put_u32(nlh, RTA_PRIORITY, UINT32_MAX); /* after the TAP's own */
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

int fallback_add(struct in_addr addr)
{
    return change(RTM_NEWROUTE, NLM_F_CREATE, addr);
}

int fallback_remove(struct in_addr addr)
{
    return change(RTM_DELROUTE, 0, addr);
}

/* The subnets of fallbacks, or of TAPs. */
struct subnets {
    uint32_t *list; /* owned; network byte order */
    size_t count;
};

static void add(struct subnets *s, uint32_t subnet)
{
    uint32_t *grown = reallocarray(s->list, s->count + 1, sizeof(*grown));
    if (!grown)
        return;
    s->list = grown;
    s->list[s->count++] = subnet;
}

static bool has(const struct subnets *s, uint32_t subnet)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i] == subnet)
            return true;
    return false;
}

struct seen {
    struct subnets fallbacks, others;
};

static int see_route(const struct nlmsghdr *nlh, void *data)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    struct seen *seen = data;
    const struct nlattr *a[RTA_MAX + 1] = {NULL};
    mnl_attr_parse(nlh, sizeof(*rt), nl_sort_attr, &(struct nl_attrs){a, RTA_MAX});
    if (rt->rtm_dst_len != NET_PREFIX || rt->rtm_table != RT_TABLE_MAIN || !a[RTA_DST] || !a[RTA_OIF])
        return MNL_CB_OK;
    if (rt->rtm_protocol == PROTOCOL && mnl_attr_get_u32(a[RTA_OIF]) == LOOPBACK)
        add(&seen->fallbacks, mnl_attr_get_u32(a[RTA_DST]));
    else
        add(&seen->others, mnl_attr_get_u32(a[RTA_DST]));
    return MNL_CB_OK;
}

void fallback_gc(void)
{
    char buf[NL_BUF];
    struct rtmsg *rt;
    struct seen seen = {{0}, {0}};
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt), &rt);
    rt->rtm_family = AF_INET;
    if (!nl_call(NETLINK_ROUTE, nlh, see_route, &seen))
        for (size_t i = 0; i < seen.fallbacks.count; i++)
            if (!has(&seen.others, seen.fallbacks.list[i]))
                fallback_remove((struct in_addr){seen.fallbacks.list[i]});
    free(seen.fallbacks.list);
    free(seen.others.list);
}
