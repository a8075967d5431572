/* ioctl(2) (netdevice(7), rtnetlink's older sibling) suffices for an address, a mask and a route.  Only IPv6 neighbours
 * need rtnetlink.
 *
 * The host answers neither ARP nor neighbour discovery, so the gateway's MAC address is a setting, and eth0 has
 * NOARP.  A program that takes eth0 down and up again loses the neighbour entries, as it loses the routes. */
#include "guest-init/net.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/mac.h"
#include "common/num.h"
#include "common/settings.h"
#include "guest-init/cards.h"
#include "guest-init/iface.h"
#include "guest-init/lists.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static int set_address(int sock, const char *name, unsigned long what, struct in_addr address)
{
    struct ifreq r = iface_request(name);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = address};
    memcpy(&r.ifr_addr, &a, sizeof(a));
    return ioctl(sock, what, &r);
}

/* No link-local route is needed first: the route of the /30 comes with the address. */
static int add_default_route(int sock, const char *gateway)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    struct sockaddr_in any = {.sin_family = AF_INET}, via = any;
    if (inet_pton(AF_INET, gateway, &via.sin_addr) != 1)
        return -1;
    memcpy(&route.rt_dst, &any, sizeof(any));
    memcpy(&route.rt_genmask, &any, sizeof(any));
    memcpy(&route.rt_gateway, &via, sizeof(via));
    return ioctl(sock, SIOCADDRT, &route);
}

/* "10.1.2.2/30" -> address and mask. */
static int parse_address(const char *text, struct in_addr *address, struct in_addr *mask)
{
    char copy[INET_ADDRSTRLEN];
    uint64_t prefix;
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof(copy) || num_parse(slash + 1, 1, 32, &prefix) < 0)
        return -1;
    memcpy(copy, text, (size_t)(slash - text));
    copy[slash - text] = '\0';
    mask->s_addr = htonl((uint32_t)(UINT64_C(0xffffffff) << (32 - prefix)));
    return inet_pton(AF_INET, copy, address) == 1 ? 0 : -1;
}

/* What linux/ipv6.h calls in6_ifreq; that header and the C library's exclude each other. */
struct address6_request {
    struct in6_addr address;
    uint32_t prefix;
    int interface;
};

/* No duplicate address detection: there are two on this link, and a command's first packet must not wait
 * for it. */
static int set_up6(const char *address, const char *gateway)
{
    struct address6_request request6 = {.interface = (int)if_nametoindex("eth0")};
    struct in6_rtmsg route = {
        .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_metric = 1, .rtmsg_ifindex = request6.interface};
    char copy[INET6_ADDRSTRLEN];
    uint64_t prefix;
    size_t len = strcspn(address, "/");
    if (!address[len] || len >= sizeof(copy) || num_parse(address + len + 1, 1, 128, &prefix) < 0)
        return -1;
    memcpy(copy, address, len);
    copy[len] = '\0';
    request6.prefix = (uint32_t)prefix;
    cleanup_close int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || inet_pton(AF_INET6, copy, &request6.address) != 1 ||
        inet_pton(AF_INET6, gateway, &route.rtmsg_gateway) != 1)
        return -1;
    return ioctl(sock, SIOCSIFADDR, &request6) < 0 || ioctl(sock, SIOCADDRT, &route) < 0 ? -1 : 0;
}

static int add_gateways(const char *text, const char *gateway, const char *gateway6, struct err *err)
{
    uint8_t mac[MAC_BYTES];
    if (!text || mac_parse(text, mac) < 0)
        return err_set(err, "the setting gateway_mac=%s is malformed", text ? text : "");
    if ((gateway && iface_neighbour("eth0", gateway, mac) < 0) ||
        (gateway6 && iface_neighbour("eth0", gateway6, mac) < 0))
        return err_sys(err, "cannot add the gateway's neighbour entry");
    return 0;
}

/* As in Docker's containers (since 20.10): a command that is not root may listen on port 80, and ping. */
static void allow_what_containers_may(void)
{
    (void)io_write_text("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    (void)io_write_text("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

int net_up(char *const *settings, struct err *err)
{
    cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || iface_flags(sock, "lo", IFF_UP) < 0)
        return err_sys(err, "cannot bring up lo");
    allow_what_containers_may();
    if (cards_up(settings, err) < 0)
        return -1;
    const char *text = lists_value(settings, SETTING_ADDRESS), *gateway = lists_value(settings, SETTING_GATEWAY);
    const char *mtu_text = lists_value(settings, SETTING_MTU);
    if (!text)
        return 0;
    struct in_addr address, mask;
    uint64_t mtu;
    if (parse_address(text, &address, &mask) < 0)
        return err_set(err, "the setting address=%s is malformed", text);
    if (mtu_text && num_parse(mtu_text, 68, 65535, &mtu) == 0 && iface_mtu(sock, "eth0", (int)mtu) < 0)
        return err_sys(err, "cannot set the MTU of eth0 to %s", mtu_text);
    (void)io_write_text("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0");
    if (set_address(sock, "eth0", SIOCSIFADDR, address) < 0 || set_address(sock, "eth0", SIOCSIFNETMASK, mask) < 0 ||
        iface_flags(sock, "eth0", IFF_UP | IFF_NOARP) < 0)
        return err_sys(err, "cannot set up eth0 with %s", text);
    if (gateway && add_default_route(sock, gateway) < 0)
        return err_sys(err, "cannot route through %s", gateway);
    const char *text6 = lists_value(settings, SETTING_ADDRESS6), *gateway6 = lists_value(settings, SETTING_GATEWAY6);
    if (text6 && gateway6 && set_up6(text6, gateway6) < 0)
        return err_sys(err, "cannot set up eth0 with %s", text6);
    return add_gateways(lists_value(settings, SETTING_GATEWAY_MAC), gateway, gateway6, err);
}
