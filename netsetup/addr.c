#include "netsetup/addr.h"
#include "netsetup/nl.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>

static struct nlmsghdr *new_addr(void *buf, int family, unsigned ifindex, unsigned prefix)
{
    struct ifaddrmsg *ifa;
    struct nlmsghdr *nlh = nl_request(buf, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifa), &ifa);
    ifa->ifa_family = (uint8_t)family;
    ifa->ifa_prefixlen = (uint8_t)prefix;
    ifa->ifa_index = ifindex;
    ifa->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
    return nlh;
}

int addr_add(unsigned ifindex, struct in_addr addr, unsigned prefix)
{
    char buf[NL_BUF];
    struct nlmsghdr *nlh = new_addr(buf, AF_INET, ifindex, prefix);
    mnl_attr_put_u32(nlh, IFA_LOCAL, addr.s_addr);
    mnl_attr_put_u32(nlh, IFA_ADDRESS, addr.s_addr);
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

int addr_add6(unsigned ifindex, const struct in6_addr *addr, unsigned prefix)
{
    char buf[NL_BUF];
    struct nlmsghdr *nlh = new_addr(buf, AF_INET6, ifindex, prefix);
    mnl_attr_put(nlh, IFA_LOCAL, sizeof(*addr), addr);
    mnl_attr_put(nlh, IFA_ADDRESS, sizeof(*addr), addr);
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}

struct addr_wanted {
    unsigned ifindex;
    struct in_addr *addr;
    struct in6_addr *addr6;
};

static int see_addr(const struct nlmsghdr *nlh, void *data)
{
    const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
    const struct addr_wanted *w = data;
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(*ifa))
    {
        const struct in6_addr *addr6 = mnl_attr_get_payload(attr);
        if (ifa->ifa_index != w->ifindex || mnl_attr_get_type(attr) != IFA_ADDRESS)
            continue;
        if (ifa->ifa_family == AF_INET)
            w->addr->s_addr = mnl_attr_get_u32(attr);
        else if (ifa->ifa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(addr6))
            memcpy(w->addr6, addr6, sizeof(*addr6));
    }
    return MNL_CB_OK;
}

void addr_find(unsigned ifindex, struct in_addr *addr, struct in6_addr *addr6)
{
    char buf[NL_BUF];
    struct ifaddrmsg *ifa;
    struct addr_wanted w = {ifindex, addr, addr6};
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa), &ifa);
    *addr = (struct in_addr){0};
    *addr6 = (struct in6_addr){.s6_addr = {0}};
    nl_call(NETLINK_ROUTE, nlh, see_addr, &w);
}
