#include "netsetup/takecard.h"
#include "common/cleanup.h"
#include "common/mac.h"
#include "netsetup/addr.h"
#include "netsetup/flowprog.h"
#include "netsetup/ipv6.h"
#include "netsetup/link.h"
#include "netsetup/neigh.h"
#include "netsetup/netplan.h"
#include "netsetup/rules.h"
#include "netsetup/tap.h"
#include "netsetup/tie.h"
#include "netsetup/tieprog.h"

#include <errno.h>
#include <string.h>

bool takecard_plugins(const char *name)
{
    return strncmp(name, TAKECARD_PLUGIN, strlen(TAKECARD_PLUGIN)) == 0;
}

const char *takecard_unfit(const struct card *card)
{
    if (!card->ethernet)
        return "it is not an Ethernet interface";
    if (strcmp(card->kind, "macvlan") == 0 || strcmp(card->kind, "ipvlan") == 0)
        return "a macvlan or ipvlan interface receives only frames for its own address";
    if (card->enslaved)
        return "it is a port of another interface";
    if (!(card->flags & IFF_UP))
        return "it is down";
    return NULL;
}

/* 169.254.32.0 to 169.254.95.255, by the device's number: no metadata service and no node-local resolver is there. */
static struct in_addr relay_net(unsigned ifindex)
{
    const uint32_t first = 0xa9fe2000, nets = 64 * 64;
    return (struct in_addr){htonl(first + ifindex % nets * 4)};
}

static int add_relay(const struct takeover_card *c, struct takeover_relay *r, struct err *err)
{
    struct in_addr net = relay_net(c->tap_index);
    r->relay.s_addr = net.s_addr | htonl(1);
    r->guest.s_addr = net.s_addr | htonl(2);
    memcpy(r->mac, c->tap_mac, ETH_ALEN);
    if (addr_add(c->tap_index, r->relay, NET_PREFIX) < 0 ||
        neigh_add(c->tap_index, AF_INET, &r->guest, c->card.mac) < 0)
        return err_sys(err, "cannot give TAP device %s the DNS relay's address", c->tap);
    return 0;
}

/* This namespace's own programs must not speak to the guest either. */
static int configure_tap(struct takeover_card *c, const char *name, struct takeover_relay *relay, struct err *err)
{
    struct link_info info;
    if (mac_random(c->tap_mac) < 0)
        return err_sys(err, "cannot choose a MAC address");
    const struct link_config config = {.alias = name, .mtu = c->card.mtu, .group = RULES_GROUP, .mac = c->tap_mac};
    if (link_find(c->tap, &info) < 0 || link_configure(info.ifindex, &config) < 0)
        return err_sys(err, "cannot configure TAP device %s", c->tap);
    c->tap_index = info.ifindex;
    if (relay && add_relay(c, relay, err) < 0)
        return -1;
    link_no_autoconf(c->tap_index); /* fails where there is no IPv6 */
    ipv6_disable(c->tap);
    return 0;
}

static int tie(unsigned ifindex, const char *iface, int in, int out, const char *name, struct err *err)
{
    if (tie_add(ifindex, in, out, name) == 0)
        return 0;
    if (errno == EEXIST)
        return err_set(err, "the interface %s already has an ingress qdisc: another program uses it (tc qdisc show)",
                       iface);
    err_sys(err, "cannot tie %s", iface);
    if (errno == ENOENT || errno == EOPNOTSUPP)
        err_hint(err, "the host's kernel needs CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF");
    return -1;
}

int takecard_tap(struct takeover_card *c, const char *name, uid_t uid, gid_t gid, struct takeover_relay *relay,
                 struct err *err)
{
    cleanup_close int fd = tap_create(c->tap, err);
    if (fd < 0 || configure_tap(c, name, relay, err) < 0)
        return -1;
    cleanup_close int from_guest = tieprog_out(&c->card, relay, err);
    if (from_guest < 0 || tie(c->tap_index, c->tap, from_guest, -1, name, err) < 0 ||
        tap_persist(fd, c->tap, uid, gid, err) < 0)
        return -1;
    return link_up(c->tap_index, false) < 0 ? err_sys(err, "cannot bring up TAP device %s", c->tap) : 0;
}

int takecard_tie(struct takeover_card *c, const char *name, const struct takeover_relay *relay, struct err *err)
{
    cleanup_close int in = -1, out = -1;
    if (flowprog_open(c->tap_index, relay, &in, &out, err) < 0)
        return -1;
    c->tied = tie(c->card.ifindex, c->card.name, in, out, name, err) == 0;
    return c->tied ? 0 : -1;
}

/* Tries a failed step (ENOBUFS) once more, because this undoes.  Another process may have removed it already. */
static int tried_twice(int (*undo)(unsigned ifindex), unsigned ifindex)
{
    for (int i = 0; i < 2; i++)
        if (undo(ifindex) == 0 || errno == ENODEV || errno == EINVAL || errno == ENOENT)
            return 0;
    return -1;
}

int takecard_untie(const struct takeover_card *c, struct err *err)
{
    if (!c->tied || tried_twice(tie_remove, c->card.ifindex) == 0)
        return 0;
    return err_sys(err, "cannot give the interface %s back to the container", c->card.name);
}

/* The kernel frees its memory later. */
static int delete_link(unsigned ifindex)
{
    struct link_deletion deletion;
    return link_delete_start(ifindex, &deletion) < 0 || link_delete_wait(&deletion) < 0 ? -1 : 0;
}

int takecard_remove(const struct takeover_card *c, struct err *err)
{
    if (!c->tap_index || tried_twice(delete_link, c->tap_index) == 0)
        return 0;
    return err_sys(err, "cannot remove TAP device %s", c->tap);
}
