/* Claim first, then look: the holder of the claim on a /30 may take the /30 if nothing on the host overlaps it, and two
 * VMs can never hold the same one.  10.0.0.0/8 has 65536 subnets of the form 10.x.y.0/30; the other private ranges
 * serve hosts that route all of it elsewhere (a company's VPN). */
#include "netsetup/subnet.h"
#include "common/cleanup.h"
#include "netsetup/claim.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/random.h>

enum { OWN_LEN = 30 };

static const struct pool {
    uint32_t base, mask; /* host byte order; mask: the bits that are drawn */
    int tries;
} pools[] = {
    {0x0a000000, 0x00ffff00, 64}, /* 10.x.y.0 */
    {0xac100000, 0x000fff00, 32}, /* 172.16-31.y.0 */
    {0xc0a80000, 0x0000ff00, 32}, /* 192.168.y.0 */
};

bool subnet_pair(struct in_addr *tap, struct in_addr *guest)
{
    uint32_t one = ntohl(tap->s_addr ? tap->s_addr : guest->s_addr);
    if (!one)
        return true;
    if ((one & 3) == 0 || (one & 3) == 3) /* the network's and the broadcast address */
        return false;
    uint32_t other = one ^ 3;
    if (!tap->s_addr)
        tap->s_addr = htonl(other);
    else if (!guest->s_addr)
        guest->s_addr = htonl(other);
    return ntohl(tap->s_addr) == (ntohl(guest->s_addr) ^ 3);
}

bool subnet_overlap(struct in_addr a, unsigned a_len, struct in_addr b, unsigned b_len)
{
    unsigned len = a_len < b_len ? a_len : b_len;
    uint32_t mask = len ? UINT32_MAX << (32 - len) : 0;
    return !((ntohl(a.s_addr) ^ ntohl(b.s_addr)) & mask);
}

/* A question to the host: which address or route overlaps net?  The answer is text for people. */
struct overlap {
    struct in_addr net;
    unsigned own;   /* a device that does not count; 0: none */
    char what[128]; /* "" while nothing does */
};

static void check(struct overlap *o, struct in_addr addr, unsigned len, const char *kind, unsigned ifindex)
{
    char text[INET_ADDRSTRLEN], dev[IF_NAMESIZE];
    if (!subnet_overlap(o->net, OWN_LEN, addr, len) || (o->own && o->own == ifindex))
        return;
    snprintf(o->what, sizeof(o->what), "%s %s/%u on %s", kind, inet_ntop(AF_INET, &addr, text, sizeof(text)), len,
             ifindex && if_indextoname(ifindex, dev) ? dev : "this host");
}

static int see_addr(const struct nlmsghdr *nlh, void *data)
{
    const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(*ifa))
    {
        uint16_t type = mnl_attr_get_type(attr);
        if (type == IFA_ADDRESS || type == IFA_LOCAL)
            check(data, (struct in_addr){mnl_attr_get_u32(attr)}, ifa->ifa_prefixlen, "address", ifa->ifa_index);
    }
    return MNL_CB_OK;
}

static int see_route(const struct nlmsghdr *nlh, void *data)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;
    struct in_addr dst = {0};
    unsigned ifindex = 0;
    if (!rt->rtm_dst_len) /* a default route is everywhere */
        return MNL_CB_OK;
    mnl_attr_for_each(attr, nlh, sizeof(*rt))
    {
        if (mnl_attr_get_type(attr) == RTA_DST)
            dst.s_addr = mnl_attr_get_u32(attr);
        else if (mnl_attr_get_type(attr) == RTA_OIF)
            ifindex = mnl_attr_get_u32(attr);
    }
    check(data, dst, rt->rtm_dst_len, "route", ifindex);
    return MNL_CB_OK;
}

static int look(struct overlap *o, struct err *err)
{
    char buf[NL_BUF];
    struct ifaddrmsg *ifa;
    struct rtmsg *rt;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa), &ifa);
    ifa->ifa_family = AF_INET;
    if (nl_call(NETLINK_ROUTE, nlh, see_addr, o) < 0)
        return err_sys(err, "cannot read this host's addresses");
    if (o->what[0])
        return 0;
    nlh = nl_request(buf, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt), &rt);
    rt->rtm_family = AF_INET;
    if (nl_call(NETLINK_ROUTE, nlh, see_route, o) < 0)
        return err_sys(err, "cannot read this host's routes");
    return 0;
}

static int take_given(struct in_addr tap, struct err *err)
{
    char text[INET_ADDRSTRLEN];
    struct overlap o = {.net = tap};
    inet_ntop(AF_INET, &tap, text, sizeof(text));
    cleanup_close int fd = claim_subnet(tap);
    if (fd < 0 && errno == EADDRINUSE)
        return err_set(err, "address %s/30 belongs to another running VM (choose another TAP_IP, or none)", text);
    if (fd < 0)
        return err_sys(err, "cannot claim the subnet of %s", text);
    if (look(&o, err) < 0)
        return -1;
    if (o.what[0])
        return err_set(err, "address %s/30 overlaps %s (choose another TAP_IP, or none)", text, o.what);
    return steal_fd(&fd);
}

/* The claim on one random /30 of the pool; -1 without an error in err when it was not free. */
static int try_one(const struct pool *pool, struct overlap *o, struct err *err)
{
    uint32_t bits;
    if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
        return err_sys(err, "cannot choose a subnet");
    *o = (struct overlap){.net.s_addr = htonl(pool->base | (bits & pool->mask))};
    cleanup_close int fd = claim_subnet(o->net);
    if (fd < 0 && errno != EADDRINUSE)
        return err_sys(err, "cannot claim a subnet");
    if (fd < 0 || look(o, err) < 0 || o->what[0])
        return -1;
    return steal_fd(&fd);
}

int subnet_recheck(struct in_addr tap, unsigned ifindex, struct err *err)
{
    char text[INET_ADDRSTRLEN];
    struct overlap o = {.net = tap, .own = ifindex};
    if (look(&o, err) < 0)
        return -1;
    if (!o.what[0])
        return 0;
    inet_ntop(AF_INET, &tap, text, sizeof(text));
    return err_set(err, "address %s/30 was taken at the same moment by %s (try again)", text, o.what);
}

int subnet_take(struct in_addr *tap, struct in_addr *guest, struct err *err)
{
    struct overlap o = {0};
    if (tap->s_addr)
        return take_given(*tap, err);
    for (size_t p = 0; p < sizeof(pools) / sizeof(pools[0]); p++)
        for (int i = 0; i < pools[p].tries; i++) {
            int fd = try_one(&pools[p], &o, err);
            if (fd < 0 && err && err->text[0])
                return -1;
            if (fd < 0)
                continue;
            tap->s_addr = o.net.s_addr | htonl(1);
            guest->s_addr = o.net.s_addr | htonl(2);
            return fd;
        }
    return err_set(err, "found no free /30 in the private ranges; the last one tried overlaps %s (set TAP_IP)",
                   o.what[0] ? o.what : "another running VM's");
}
