/* By ioctl (netdevice(7), rtnetlink's older sibling): an address, a mask and a route need no more.  Only neighbours
 * of IPv6 have none.
 *
 * The host answers neither ARP nor neighbour discovery, so the gateway's MAC address is a setting, and eth0 asks for
 * none: with NOARP a program that takes eth0 down and up again loses the entries, as it loses the routes. */
#include "guest-init/net.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "common/settings.h"
#include "guest-init/cards.h"
#include "guest-init/lists.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static struct ifreq request(const char *name)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    return r;
}

static int set_address(int sock, const char *name, unsigned long what, struct in_addr address)
{
    struct ifreq r = request(name);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = address};
    memcpy(&r.ifr_addr, &a, sizeof(a));
    return ioctl(sock, what, &r);
}

static int set_flags(int sock, const char *name, short flags)
{
    struct ifreq r = request(name);
    if (ioctl(sock, SIOCGIFFLAGS, &r) < 0)
        return -1;
    r.ifr_flags = (short)(r.ifr_flags | flags);
    return ioctl(sock, SIOCSIFFLAGS, &r);
}

/* A neighbour of eth0's that stays (rtnetlink(7), RTM_NEWNEIGH).  address is text of either family. */
static int add_neighbour(const char *address, const uint8_t mac[ETH_ALEN])
{
    struct {
        struct nlmsghdr head;
        struct ndmsg neighbour;
        struct rtattr mac_head;
        uint8_t mac[RTA_ALIGN(ETH_ALEN)];
        struct rtattr to_head;
        uint8_t to[sizeof(struct in6_addr)];
    } m = {.neighbour = {.ndm_ifindex = (int)if_nametoindex("eth0"), .ndm_state = NUD_PERMANENT},
           .mac_head = {RTA_LENGTH(ETH_ALEN), NDA_LLADDR}};
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } answer;
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    size_t len = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    memcpy(m.mac, mac, ETH_ALEN);
    m.neighbour.ndm_family = (uint8_t)family;
    m.to_head = (struct rtattr){(unsigned short)RTA_LENGTH(len), NDA_DST};
    m.head = (struct nlmsghdr){.nlmsg_len = (uint32_t)(offsetof(__typeof__(m), to) + len),
                               .nlmsg_type = RTM_NEWNEIGH,
                               .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE};
    cleanup_close int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (sock < 0 || inet_pton(family, address, m.to) != 1 || send(sock, &m, m.head.nlmsg_len, 0) < 0 ||
        recv(sock, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer))
        return -1;
    errno = -answer.error.error;
    return errno ? -1 : 0;
}

/* "06:00:0a:01:02:01" */
static int parse_mac(const char *text, uint8_t mac[ETH_ALEN])
{
    int used = 0;
    int got =
        sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5, &used);
    return got == ETH_ALEN && !text[used] ? 0 : -1;
}

/* A link-local route first is not needed: the /30's own route comes with the address. */
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

static int add_gateways(const char *mac_text, const char *gateway, const char *gateway6, struct err *err)
{
    uint8_t mac[ETH_ALEN];
    if (!mac_text || parse_mac(mac_text, mac) < 0)
        return err_set(err, "the setting gateway_mac=%s is malformed", mac_text ? mac_text : "");
    if ((gateway && add_neighbour(gateway, mac) < 0) || (gateway6 && add_neighbour(gateway6, mac) < 0))
        return err_sys(err, "cannot enter the gateway as a neighbour");
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
    if (sock < 0 || set_flags(sock, "lo", IFF_UP) < 0)
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
    struct ifreq r = request("eth0");
    if (mtu_text && num_parse(mtu_text, 68, 65535, &mtu) == 0) {
        r.ifr_mtu = (int)mtu;
        if (ioctl(sock, SIOCSIFMTU, &r) < 0)
            return err_sys(err, "cannot set the MTU of eth0 to %s", mtu_text);
    }
    (void)io_write_text("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0");
    if (set_address(sock, "eth0", SIOCSIFADDR, address) < 0 || set_address(sock, "eth0", SIOCSIFNETMASK, mask) < 0 ||
        set_flags(sock, "eth0", IFF_UP | IFF_NOARP) < 0)
        return err_sys(err, "cannot set up eth0 with %s", text);
    if (gateway && add_default_route(sock, gateway) < 0)
        return err_sys(err, "cannot route through %s", gateway);
    const char *text6 = lists_value(settings, SETTING_ADDRESS6), *gateway6 = lists_value(settings, SETTING_GATEWAY6);
    if (text6 && gateway6 && set_up6(text6, gateway6) < 0)
        return err_sys(err, "cannot set up eth0 with %s", text6);
    return add_gateways(lists_value(settings, SETTING_GATEWAY_MAC), gateway, gateway6, err);
}
