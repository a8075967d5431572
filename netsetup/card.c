/* rtnetlink(7).  A dump that the kernel interrupts is repeated (nl.h), so an entry that is there already is not added
 * again.
 */
#include "netsetup/card.h"
#include "common/log.h"
#include "netsetup/nl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { LOOPBACK = 1 };

struct card_visit {
    int (*each)(const struct card *card, void *data);
    void *data;
};

static void copy_text(char *out, size_t size, const struct nlattr *attr)
{
    snprintf(out, size, "%s", nl_str(attr));
}

static int see_link(const struct nlmsghdr *nlh, void *data)
{
    const struct card_visit *e = data;
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *a[IFLA_MAX + 1] = {NULL};
    struct card card = {.ifindex = (unsigned)ifi->ifi_index, .flags = ifi->ifi_flags};
    mnl_attr_parse(nlh, sizeof(*ifi), nl_sort_attr, &(struct nl_attrs){a, IFLA_MAX});
    NL_NEST(info, a[IFLA_LINKINFO], IFLA_INFO_MAX);
    copy_text(card.name, sizeof(card.name), a[IFLA_IFNAME]);
    copy_text(card.alias, sizeof(card.alias), a[IFLA_IFALIAS]);
    copy_text(card.kind, sizeof(card.kind), info[IFLA_INFO_KIND]);
    card.mtu = a[IFLA_MTU] ? mnl_attr_get_u32(a[IFLA_MTU]) : 0;
    card.ethernet = ifi->ifi_type == ARPHRD_ETHER && a[IFLA_ADDRESS] &&
                    mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == sizeof(card.mac);
    card.enslaved = a[IFLA_MASTER] != NULL;
    if (card.ethernet)
        memcpy(card.mac, mnl_attr_get_payload(a[IFLA_ADDRESS]), sizeof(card.mac));
    if (card.ifindex == LOOPBACK)
        return MNL_CB_OK;
    return e->each(&card, e->data) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int card_each(int (*each)(const struct card *card, void *data), void *data, struct err *err)
{
    char buf[NL_BUF];
    struct ifinfomsg *ifi;
    struct card_visit e = {each, data};
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETLINK, NLM_F_DUMP, sizeof(*ifi), &ifi);
    if (nl_call(NETLINK_ROUTE, nlh, see_link, &e) == 0)
        return 0;
    return err && err->text[0] ? -1 : err_sys(err, "cannot list network interfaces");
}

struct reading {
    struct card *card;
    bool full;
};

/* The address in an attribute, if there is one. */
static bool take_address(const struct nlattr *attr, struct in6_addr *out)
{
    size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;
    if (!len || len > sizeof(*out))
        return false;
    memcpy(out, mnl_attr_get_payload(attr), len);
    return true;
}

static bool same(const struct in6_addr *a, const struct in6_addr *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool has_address(const struct card *card, const struct card_address *address)
{
    for (size_t i = 0; i < card->address_count; i++) {
        const struct card_address *a = &card->address[i];
        if (a->family == address->family && a->prefix == address->prefix && same(&a->local, &address->local) &&
            same(&a->peer, &address->peer))
            return true;
    }
    return false;
}

static bool has_route(const struct card *card, const struct card_route *route)
{
    for (size_t i = 0; i < card->route_count; i++) {
        const struct card_route *r = &card->route[i];
        if (r->family == route->family && r->prefix == route->prefix && r->metric == route->metric &&
            same(&r->to, &route->to) && same(&r->via, &route->via))
            return true;
    }
    return false;
}

bool card_same(const struct card *a, const struct card *b)
{
    bool same = a->mtu == b->mtu && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
                a->address_count == b->address_count && a->route_count == b->route_count;
    for (size_t i = 0; same && i < a->address_count; i++)
        same = has_address(b, &a->address[i]);
    for (size_t i = 0; same && i < a->route_count; i++)
        same = has_route(b, &a->route[i]);
    return same;
}

static int see_address(const struct nlmsghdr *nlh, void *data)
{
    struct reading *r = data;
    const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *a[IFA_MAX + 1] = {NULL};
    struct card_address address = {.family = ifa->ifa_family, .prefix = ifa->ifa_prefixlen, .scope = ifa->ifa_scope};
    if (ifa->ifa_index != r->card->ifindex || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
        return MNL_CB_OK;
    mnl_attr_parse(nlh, sizeof(*ifa), nl_sort_attr, &(struct nl_attrs){a, IFA_MAX});
    take_address(a[IFA_ADDRESS], &address.peer);
    if (!take_address(a[IFA_LOCAL], &address.local))
        address.local = address.peer;
    take_address(a[IFA_BROADCAST], &address.broadcast);
    address.flags = (a[IFA_FLAGS] ? mnl_attr_get_u32(a[IFA_FLAGS]) : ifa->ifa_flags) & IFA_F_NOPREFIXROUTE;
    if (has_address(r->card, &address))
        return MNL_CB_OK;
    r->full |= r->card->address_count == CARD_ADDRESSES_MAX;
    if (!r->full)
        r->card->address[r->card->address_count++] = address;
    return MNL_CB_OK;
}

static bool has_hop(const struct nlattr *multipath, unsigned ifindex)
{
    const struct rtnexthop *hop = multipath ? mnl_attr_get_payload(multipath) : NULL;
    for (int left = multipath ? mnl_attr_get_payload_len(multipath) : 0; hop && RTNH_OK(hop, left);
         left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
        if ((unsigned)hop->rtnh_ifindex == ifindex)
            return true;
    return false;
}

static void add_route(struct reading *r, const struct card_route *route)
{
    struct card *card = r->card;
    size_t at = card->route_count;
    if (has_route(card, route))
        return;
    r->full |= card->route_count == CARD_ROUTES_MAX;
    if (r->full)
        return;
    for (; !route->via_family && at && card->route[at - 1].via_family; at--)
        card->route[at] = card->route[at - 1];
    card->route[at] = *route;
    card->route_count++;
}

static void take_gateway(const struct nlattr *const *a, struct card_route *route)
{
    const struct rtvia *via = a[RTA_VIA] ? mnl_attr_get_payload(a[RTA_VIA]) : NULL;
    size_t len = via ? mnl_attr_get_payload_len(a[RTA_VIA]) - sizeof(*via) : 0;
    if (take_address(a[RTA_GATEWAY], &route->via)) {
        route->via_family = route->family;
    } else if (via && len <= sizeof(route->via)) {
        route->via_family = (uint8_t)via->rtvia_family;
        memcpy(&route->via, via->rtvia_addr, len);
    }
}

static int see_route(const struct nlmsghdr *nlh, void *data)
{
    struct reading *r = data;
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *a[RTA_MAX + 1] = {NULL};
    struct card_route route = {.family = rt->rtm_family, .prefix = rt->rtm_dst_len, .scope = rt->rtm_scope};
    mnl_attr_parse(nlh, sizeof(*rt), nl_sort_attr, &(struct nl_attrs){a, RTA_MAX});
    if (rt->rtm_table != RT_TABLE_MAIN || rt->rtm_type != RTN_UNICAST || rt->rtm_protocol == RTPROT_KERNEL ||
        (rt->rtm_flags & RTM_F_CLONED))
        return MNL_CB_OK;
    if (has_hop(a[RTA_MULTIPATH], r->card->ifindex))
        log_warn("the guest does not get a route with several gateways through %s", r->card->name);
    if (!a[RTA_OIF] || mnl_attr_get_u32(a[RTA_OIF]) != r->card->ifindex)
        return MNL_CB_OK;
    NL_NEST(metrics, a[RTA_METRICS], RTAX_MAX);
    take_address(a[RTA_DST], &route.to);
    take_address(a[RTA_PREFSRC], &route.src);
    take_gateway(a, &route);
    route.metric = a[RTA_PRIORITY] ? mnl_attr_get_u32(a[RTA_PRIORITY]) : 0;
    route.mtu = metrics[RTAX_MTU] ? mnl_attr_get_u32(metrics[RTAX_MTU]) : 0;
    route.onlink = rt->rtm_flags & RTNH_F_ONLINK;
    add_route(r, &route);
    return MNL_CB_OK;
}

static int dump(uint16_t type, int family, mnl_cb_t cb, struct reading *r)
{
    char buf[NL_BUF];
    struct rtmsg *head; /* at least as long as an ifaddrmsg, and begins with the family too */
    struct nlmsghdr *nlh = nl_request(buf, type, NLM_F_DUMP, sizeof(*head), &head);
    head->rtm_family = (uint8_t)family;
    return nl_call(NETLINK_ROUTE, nlh, cb, r);
}

int card_read(struct card *card, struct err *err)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct reading r = {.card = card};
    card->address_count = card->route_count = 0;
    for (int i = 0; i < 2; i++)
        if (dump(RTM_GETADDR, families[i], see_address, &r) < 0 || dump(RTM_GETROUTE, families[i], see_route, &r) < 0)
            return err_sys(err, "cannot read the addresses and routes of %s", card->name);
    return r.full ? err_set(err, "%s has more than %d addresses or %d routes", card->name, CARD_ADDRESSES_MAX,
                            CARD_ROUTES_MAX)
                  : 0;
}
