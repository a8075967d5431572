#include "netsetup/neigh.h"
#include "netsetup/nl.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

int neigh_add(unsigned ifindex, int family, const void *addr, const uint8_t mac[ETH_ALEN])
{
    char buf[NL_BUF];
    struct ndmsg *ndm;
    struct nlmsghdr *nlh = nl_request(buf, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof(*ndm), &ndm);
    ndm->ndm_family = (uint8_t)family;
    ndm->ndm_ifindex = (int)ifindex;
    ndm->ndm_state = NUD_PERMANENT;
    mnl_attr_put(nlh, NDA_DST, family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr), addr);
    mnl_attr_put(nlh, NDA_LLADDR, ETH_ALEN, mac);
    return nl_call(NETLINK_ROUTE, nlh, NULL, NULL);
}
