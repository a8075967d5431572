#include "netsetup/fallback.h"
#include "netsetup/netplan.h"
#include "netsetup/nl.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOPBACK = 1 /* its index in every network namespace */,
    PROTOCOL = 206 /* the route's origin: rt_protos gives this number to nobody */
};

/* A subnet of either family: its bits, the others being zero. */
struct subnet {
    uint8_t family, len;
    uint8_t addr[sizeof(struct in6_addr)];
};

static struct subnet subnet4(struct in_addr addr)
{
    struct subnet s = {.family = AF_INET, .len = NET_PREFIX};
    addr.s_addr &= htonl(UINT32_MAX << (32 - NET_PREFIX));
    memcpy(s.addr, &addr, sizeof(addr));
    return s;
}

static struct subnet subnet6(const struct in6_addr *addr)
{
    struct subnet s = {.family = AF_INET6, .len = NET_PREFIX6};
    memcpy(s.addr, addr, NET_PREFIX6 / 8);
    return s;
}

static int change(uint16_t type, uint16_t flags, const struct subnet *s)
{
    char buf[NL_BUF];
    struct rtmsg *rt;
    struct nlmsghdr *nlh = nl_request(buf, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*rt), &rt);
    bool v6 = s->family == AF_INET6;
    *rt = (struct rtmsg){.rtm_family = s->family,
                         .rtm_dst_len = s->len,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = PROTOCOL,
                         .rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                         .rtm_type = v6 ? RTN_LOCAL : RTN_UNICAST};
    mnl_attr_put(nlh, RTA_DST, v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr), s->addr);
    mnl_attr_put_u32(nlh, RTA_OIF, LOOPBACK);
    if (!v6)
        mnl_attr_put_u32(nlh, RTA_FLOW, FALLBACK_REALM);
    mnl_attr_put_u32(nlh, RTA_PRIORITY, UINT32_MAX); /* after the TAP's own */
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

int fallback_add(struct in_addr addr)
{
    struct subnet s = subnet4(addr);
    return change(RTM_NEWROUTE, NLM_F_CREATE, &s);
}

int fallback_remove(struct in_addr addr)
{
    struct subnet s = subnet4(addr);
    return change(RTM_DELROUTE, 0, &s);
}

int fallback_add6(const struct in6_addr *addr)
{
    struct subnet s = subnet6(addr);
    return change(RTM_NEWROUTE, NLM_F_CREATE, &s);
}

int fallback_remove6(const struct in6_addr *addr)
{
    struct subnet s = subnet6(addr);
    return change(RTM_DELROUTE, 0, &s);
}

/* The subnets of fallbacks, or of TAPs. */
struct subnets {
    struct subnet *list; /* owned */
    size_t count;
};

static void add_subnet(struct subnets *s, const struct subnet *subnet)
{
    struct subnet *grown = reallocarray(s->list, s->count + 1, sizeof(*grown));
    if (!grown)
        return;
    s->list = grown;
    s->list[s->count++] = *subnet;
}

static bool has(const struct subnets *s, const struct subnet *subnet)
{
    for (size_t i = 0; i < s->count; i++)
        if (memcmp(&s->list[i], subnet, sizeof(*subnet)) == 0)
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
    bool v6 = rt->rtm_family == AF_INET6;
    size_t bytes = v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    struct subnet s = {.family = rt->rtm_family, .len = rt->rtm_dst_len};
    if (s.len != (v6 ? NET_PREFIX6 : NET_PREFIX) || rt->rtm_table != RT_TABLE_MAIN || !a[RTA_DST] || !a[RTA_OIF] ||
        mnl_attr_get_payload_len(a[RTA_DST]) < bytes)
        return MNL_CB_OK;
    memcpy(s.addr, mnl_attr_get_payload(a[RTA_DST]), bytes);
    add_subnet(rt->rtm_protocol == PROTOCOL && mnl_attr_get_u32(a[RTA_OIF]) == LOOPBACK ? &seen->fallbacks
                                                                                        : &seen->others,
               &s);
    return MNL_CB_OK;
}

static void see_family(struct seen *seen, uint8_t family)
{
    char buf[NL_BUF];
    struct rtmsg *rt;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt), &rt);
    rt->rtm_family = family;
    if (nl_call(NETLINK_ROUTE, nlh, see_route, seen) < 0)
        seen->fallbacks.count = 0; /* the list is incomplete: a TAP may be missing */
}

void fallback_gc(void)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    for (size_t f = 0; f < sizeof(families); f++) {
        struct seen seen = {{0}, {0}};
        see_family(&seen, families[f]);
        for (size_t i = 0; i < seen.fallbacks.count; i++)
            if (!has(&seen.others, &seen.fallbacks.list[i]))
                change(RTM_DELROUTE, 0, &seen.fallbacks.list[i]);
        free(seen.fallbacks.list);
        free(seen.others.list);
    }
}
