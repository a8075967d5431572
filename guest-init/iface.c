#include "guest-init/iface.h"

#include "guest-init/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

struct ifreq iface_request(const char *name)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    return r;
}

int iface_flags(int sock, const char *name, short flags)
{
    struct ifreq r = iface_request(name);
    if (ioctl(sock, SIOCGIFFLAGS, &r) < 0)
        return -1;
    r.ifr_flags = (short)(r.ifr_flags | flags);
    return ioctl(sock, SIOCSIFFLAGS, &r);
}

int iface_mtu(int sock, const char *name, int mtu)
{
    struct ifreq r = iface_request(name);
    r.ifr_mtu = mtu;
    return ioctl(sock, SIOCSIFMTU, &r);
}

int iface_neighbour(const char *name, const char *address, const uint8_t mac[MAC_BYTES])
{
    struct rtnl r;
    struct in6_addr to;
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    const struct ndmsg head = {
        .ndm_family = (uint8_t)family, .ndm_ifindex = (int)if_nametoindex(name), .ndm_state = NUD_PERMANENT};
    if (inet_pton(family, address, &to) != 1) {
        errno = EINVAL;
        return -1;
    }
    rtnl_begin(&r, RTM_NEWNEIGH, &head, sizeof(head));
    r.head.nlmsg_flags |= NLM_F_REPLACE;
    rtnl_put(&r, NDA_LLADDR, mac, MAC_BYTES);
    rtnl_put(&r, NDA_DST, &to, family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
    return rtnl_send(&r);
}
