#include "netsetup/fallback.h"
#include "netsetup/netsetup.h"
#include "netsetup/nl.h"

#include <linux/rtnetlink.h>
#include <stdint.h>

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
