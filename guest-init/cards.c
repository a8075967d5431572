/* Everything is read from text that netsetup/cardtext.c writes.
 *
 * Addresses are added before the card goes up: then the kernel, with arp_notify and ndisc_notify, announces all of them
 * to everybody on the link.  Neighbours may still know the MAC address of an earlier container, and switches where that
 * was. */
#include "guest-init/cards.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/mac.h"
#include "common/num.h"
#include "common/settings.h"
#include "guest-init/iface.h"
#include "guest-init/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* An address or a route in words. */
struct route_words {
    uint8_t family, prefix, scope, via_family;
    struct in6_addr to, peer, broadcast, via, src;
    bool has_peer, has_broadcast, has_src, noprefixroute, onlink;
    uint32_t metric, mtu;
};

static size_t size_of(int family)
{
    return family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

static int parse_address(const char *text, struct in6_addr *out, uint8_t *family)
{
    *family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(*family, text, out) == 1 ? 0 : -1;
}

/* "10.1.2.2/30" */
static int parse_net(char *text, struct in6_addr *out, struct route_words *w)
{
    uint64_t prefix;
    char *slash = strchr(text, '/');
    if (slash) {
        if (num_parse(slash + 1, 0, 128, &prefix) < 0)
            return -1;
        w->prefix = (uint8_t)prefix;
        *slash = '\0';
    }
    return parse_address(text, out, &w->family);
}

static int parse_number(const char *text, uint32_t *out)
{
    uint64_t n;
    if (num_parse(text, 0, UINT32_MAX, &n) < 0)
        return -1;
    *out = (uint32_t)n;
    return 0;
}

static int parse_pair(struct route_words *w, const char *word, char *value)
{
    uint8_t family;
    if (strcmp(word, "via") == 0)
        return parse_address(value, &w->via, &w->via_family);
    if (strcmp(word, "peer") == 0)
        return w->has_peer = true, parse_net(value, &w->peer, w);
    if (strcmp(word, "broadcast") == 0)
        return w->has_broadcast = true, parse_address(value, &w->broadcast, &family);
    if (strcmp(word, "src") == 0)
        return w->has_src = true, parse_address(value, &w->src, &family);
    if (strcmp(word, "metric") == 0)
        return parse_number(value, &w->metric);
    if (strcmp(word, "mtu") == 0)
        return parse_number(value, &w->mtu);
    if (strcmp(word, "scope") == 0)
        return w->scope = strcmp(value, "link") == 0 ? RT_SCOPE_LINK : RT_SCOPE_HOST, 0;
    return -1;
}

/* text is taken apart. */
static int parse(char *text, struct route_words *w)
{
    char *rest = NULL, *word = strtok_r(text, " ", &rest);
    *w = (struct route_words){.scope = RT_SCOPE_UNIVERSE};
    if (!word || parse_net(word, &w->to, w) < 0)
        return -1;
    while ((word = strtok_r(NULL, " ", &rest))) {
        char *value;
        if (strcmp(word, "noprefixroute") == 0)
            w->noprefixroute = true;
        else if (strcmp(word, "onlink") == 0)
            w->onlink = true;
        else if (!(value = strtok_r(NULL, " ", &rest)))
            return -1;
        else if (strcmp(word, "via") == 0 && strcmp(value, "inet6") == 0 && !(value = strtok_r(NULL, " ", &rest)))
            return -1;
        else if (parse_pair(w, word, value) < 0)
            return -1;
    }
    return 0;
}

/* No duplicate address detection: the address was the container's until now. */
static int add_address(unsigned ifindex, const struct route_words *w)
{
    struct rtnl r;
    const struct ifaddrmsg head = {
        .ifa_family = w->family, .ifa_prefixlen = w->prefix, .ifa_scope = w->scope, .ifa_index = ifindex};
    const uint32_t flags = (w->family == AF_INET6 ? IFA_F_NODAD : 0) | (w->noprefixroute ? IFA_F_NOPREFIXROUTE : 0);
    size_t size = size_of(w->family);
    rtnl_begin(&r, RTM_NEWADDR, &head, sizeof(head));
    rtnl_put(&r, IFA_LOCAL, &w->to, size);
    rtnl_put(&r, IFA_ADDRESS, w->has_peer ? &w->peer : &w->to, size);
    if (w->has_broadcast)
        rtnl_put(&r, IFA_BROADCAST, &w->broadcast, size);
    rtnl_put(&r, IFA_FLAGS, &flags, sizeof(flags));
    return rtnl_send(&r);
}

static void put_gateway(struct rtnl *r, const struct route_words *w)
{
    struct {
        uint16_t family;
        struct in6_addr address;
    } via = {w->via_family, w->via};
    if (w->via_family == w->family)
        rtnl_put(r, RTA_GATEWAY, &w->via, size_of(w->family));
    else if (w->via_family)
        rtnl_put(r, RTA_VIA, &via, sizeof(via.family) + size_of(w->via_family));
}

static int add_route(unsigned ifindex, const struct route_words *w)
{
    struct rtnl r;
    const struct rtmsg head = {.rtm_family = w->family,
                               .rtm_dst_len = w->prefix,
                               .rtm_table = RT_TABLE_MAIN,
                               .rtm_protocol = RTPROT_BOOT,
                               .rtm_scope = w->scope,
                               .rtm_type = RTN_UNICAST,
                               .rtm_flags = w->onlink ? RTNH_F_ONLINK : 0};
    const struct {
        struct rtattr head;
        uint32_t mtu;
    } metrics = {{RTA_LENGTH(sizeof(uint32_t)), RTAX_MTU}, w->mtu};
    rtnl_begin(&r, RTM_NEWROUTE, &head, sizeof(head));
    if (w->prefix)
        rtnl_put(&r, RTA_DST, &w->to, size_of(w->family));
    rtnl_put(&r, RTA_OIF, &ifindex, sizeof(ifindex));
    put_gateway(&r, w);
    if (w->has_src)
        rtnl_put(&r, RTA_PREFSRC, &w->src, size_of(w->family));
    if (w->metric)
        rtnl_put(&r, RTA_PRIORITY, &w->metric, sizeof(w->metric));
    if (w->mtu)
        rtnl_put(&r, RTA_METRICS, &metrics, sizeof(metrics));
    return rtnl_send(&r);
}

/* The value of the card's next setting of that name from *list on; *list moves past it.  NULL: no more. */
static const char *next_of(char *const **list, const char *setting, const char *card)
{
    size_t len = strlen(setting), card_len = strlen(card);
    while (**list) {
        const char *text = *(*list)++;
        if (strncmp(text, setting, len) == 0 && text[len] == '=' && strncmp(text + len + 1, card, card_len) == 0 &&
            (!card[0] || text[len + 1 + card_len] == ' '))
            return text + len + 1 + card_len + (card[0] != '\0');
    }
    return NULL;
}

static int add_all(char *const *settings, const char *setting, const char *card, struct err *err)
{
    unsigned ifindex = if_nametoindex(card);
    for (const char *text; (text = next_of(&settings, setting, card));) {
        struct route_words w;
        cleanup_free char *copy = strdup(text);
        if (!copy || parse(copy, &w) < 0)
            return err_set(err, "the setting %s=%s %s is malformed", setting, card, text);
        int added = strcmp(setting, SETTING_CARD_ROUTE) == 0 ? add_route(ifindex, &w) : add_address(ifindex, &w);
        if (added < 0 && errno != EEXIST)
            return err_sys(err, "cannot give %s the %s %s", card,
                           strcmp(setting, SETTING_CARD_ROUTE) == 0 ? "route" : "address", text);
    }
    return 0;
}

/* ADDRESS MAC */
static int add_neighbours(char *const *settings, const char *card, struct err *err)
{
    for (const char *text; (text = next_of(&settings, SETTING_CARD_NEIGHBOUR, card));) {
        char address[INET6_ADDRSTRLEN], mac_words[MAC_TEXT];
        uint8_t mac[MAC_BYTES];
        if (sscanf(text, "%45s %17s", address, mac_words) != 2 || mac_parse(mac_words, mac) < 0)
            return err_set(err, "the setting %s=%s %s is malformed", SETTING_CARD_NEIGHBOUR, card, text);
        if (iface_neighbour(card, address, mac) < 0)
            return err_sys(err, "cannot give %s the neighbour %s", card, text);
    }
    return 0;
}

static int find_by_mac(int sock, const char *mac, char name[IFNAMSIZ])
{
    struct if_nameindex *all = if_nameindex();
    int found = -1;
    for (struct if_nameindex *i = all; i && i->if_index && found < 0; i++) {
        struct ifreq r = iface_request(i->if_name);
        char text[MAC_TEXT];
        if (ioctl(sock, SIOCGIFHWADDR, &r) < 0 ||
            strcmp(mac_text((const uint8_t *)r.ifr_hwaddr.sa_data, text), mac) != 0)
            continue;
        snprintf(name, IFNAMSIZ, "%s", i->if_name);
        found = 0;
    }
    if (all)
        if_freenameindex(all);
    return found;
}

static int rename_card(int sock, const char *from, const char *to)
{
    struct ifreq r = iface_request(from);
    snprintf(r.ifr_newname, sizeof(r.ifr_newname), "%s", to);
    return strcmp(from, to) == 0 ? 0 : ioctl(sock, SIOCSIFNAME, &r);
}

/* NAME MAC MTU */
struct guest_card {
    char name[IFNAMSIZ], mac[MAC_TEXT];
    int mtu;
};

static int parse_card(const char *text, struct guest_card *card, struct err *err)
{
    if (sscanf(text, "%15s %17s %d", card->name, card->mac, &card->mtu) == 3)
        return 0;
    return err_set(err, "the setting %s=%s is malformed", SETTING_CARD, text);
}

/* First renames the cards to names that nobody has, because one card's new name may be another's old one. */
static int name_cards(int sock, char *const *settings, struct err *err)
{
    for (int final = 0; final < 2; final++) {
        char *const *list = settings;
        const char *text;
        for (int i = 0; (text = next_of(&list, SETTING_CARD, "")); i++) {
            struct guest_card card;
            char now[IFNAMSIZ], temporary[IFNAMSIZ];
            if (parse_card(text, &card, err) < 0)
                return -1;
            snprintf(temporary, sizeof(temporary), "card%d", i);
            if (find_by_mac(sock, card.mac, now) < 0)
                return err_set(err, "there is no network interface with the MAC address %s", card.mac);
            if (rename_card(sock, now, final ? card.name : temporary) < 0)
                return err_sys(err, "cannot rename a network interface to %s", card.name);
        }
    }
    return 0;
}

static void set_notices(const char *card)
{
    char path[96];
    snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/arp_notify", card);
    (void)io_write_text(path, "1");
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/ndisc_notify", card);
    (void)io_write_text(path, "1");
    /* Only the container's own addresses get out. */
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/addr_gen_mode", card);
    (void)io_write_text(path, "1");
}

static int bring_up(int sock, char *const *settings, const struct guest_card *card, struct err *err)
{
    if (iface_mtu(sock, card->name, card->mtu) < 0)
        return err_sys(err, "cannot set the MTU of %s to %d", card->name, card->mtu);
    set_notices(card->name);
    if (add_all(settings, SETTING_CARD_ADDRESS, card->name, err) < 0)
        return -1;
    if (iface_flags(sock, card->name, IFF_UP) < 0)
        return err_sys(err, "cannot bring up %s", card->name);
    return add_neighbours(settings, card->name, err);
}

int cards_up(char *const *settings, struct err *err)
{
    cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return err_sys(err, "cannot create a socket");
    if (name_cards(sock, settings, err) < 0)
        return -1;
    /* A route may use an address of another card. */
    for (int routes = 0; routes < 2; routes++) {
        char *const *list = settings;
        for (const char *text; (text = next_of(&list, SETTING_CARD, ""));) {
            struct guest_card card;
            if (parse_card(text, &card, err) < 0 || (routes ? add_all(settings, SETTING_CARD_ROUTE, card.name, err)
                                                            : bring_up(sock, settings, &card, err)) < 0)
                return -1;
        }
    }
    return 0;
}
