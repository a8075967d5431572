/* The order of steps.  Every object that may outlive this process is marked before it can: the TAP by its alias while
 * it still depends on our descriptor, the rules by their comment.  The mark is claimed before everything else.  So
 * whenever a kill -9 comes, the next VM's gc finds what is left and knows that no live VM owns it. */
#include "netsetup/netsetup.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/mac.h"
#include "common/process.h"
#include "netsetup/addr.h"
#include "netsetup/check.h"
#include "netsetup/claim.h"
#include "netsetup/conntrack.h"
#include "netsetup/dns.h"
#include "netsetup/fallback.h"
#include "netsetup/foreign.h"
#include "netsetup/fw.h"
#include "netsetup/fwrestore.h"
#include "netsetup/gc.h"
#include "netsetup/ipv6.h"
#include "netsetup/link.h"
#include "netsetup/neigh.h"
#include "netsetup/portclaim.h"
#include "netsetup/rivals.h"
#include "netsetup/rules.h"
#include "netsetup/subnet.h"
#include "netsetup/tap.h"
#include "netsetup/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { DEFAULT_MTU = 1500, MAX_MTU = 65535 - 14 /* a TAP's, and a virtio card's */, RULE_TRIES = 3 };

struct netsetup {
    struct net_plan plan; /* with the mark for its id */
    struct net_link link;
    struct claim_vm claim; /* held for the VM's life, as are */
    int subnet_claim;
    struct portclaim ports;
    int dns; /* the relay's process, by descriptor; -1: none */
    /* the process that follows the default routes, and the descriptor whose closing ends it; -1: none */
    int watch, life;
    struct fw_made made, made6; /* rules of IPv4 and IPv6 */
};

const struct net_link *netsetup_link(const struct netsetup *net)
{
    return &net->link;
}

/* The MTU that the guest's packets will meet first. */
static int find_mtu(const struct net_plan *plan, unsigned *mtu, struct err *err)
{
    struct link_info info = {.mtu = DEFAULT_MTU};
    bool named = plan->uplink[0] && strcmp(plan->uplink, UPLINK_ANY) != 0;
    if (named && link_find(plan->uplink, &info) < 0)
        return errno == ENODEV ? err_set(err, "HOST_IFACE=%s: there is no such network interface", plan->uplink)
                               : err_sys(err, "cannot look up HOST_IFACE=%s", plan->uplink);
    if (!named && link_default(AF_INET, &info) < 0) {
        if (errno != ENOENT)
            return err_sys(err, "cannot find the default route");
        if (!plan->uplink[0])
            log_warn("there is no default route: the guest cannot reach the outside until there is one, or until "
                     "HOST_IFACE is set");
    }
    *mtu = info.mtu < MAX_MTU ? info.mtu : MAX_MTU;
    return 0;
}

static int find_uplinks(const struct net_plan *plan, struct net_link *link, struct err *err)
{
    if (find_mtu(plan, &link->mtu, err) < 0)
        return -1;
    if (uplinks_find(AF_INET, &link->uplinks[0]) < 0 || uplinks_find(AF_INET6, &link->uplinks[1]) < 0)
        return err_sys(err, "cannot read this host's routes");
    return rivals_of_nat(plan->uplink, link->uplinks, err);
}

static int choose_mac(const uint8_t wanted[ETH_ALEN], uint8_t mac[ETH_ALEN], struct err *err)
{
    static const uint8_t none[ETH_ALEN];
    memcpy(mac, wanted, ETH_ALEN);
    if (memcmp(mac, none, ETH_ALEN) != 0)
        return 0;
    return mac_random(mac) < 0 ? err_sys(err, "cannot choose a MAC address") : 0;
}

static int choose_macs(const struct net_plan *plan, struct net_link *link, struct err *err)
{
    static const uint8_t any[ETH_ALEN];
    return choose_mac(plan->guest_mac, link->guest_mac, err) < 0 || choose_mac(any, link->tap_mac, err) < 0 ? -1 : 0;
}

static int take_subnet(struct netsetup *net, const struct net_plan *plan, struct err *err)
{
    net->link.tap_addr = plan->tap_addr;
    net->link.guest_addr = plan->guest_addr;
    subnet_pair(&net->link.tap_addr, &net->link.guest_addr); /* netsetup_check has checked it */
    net->subnet_claim = subnet_take(&net->link.tap_addr, &net->link.guest_addr, err);
    return net->subnet_claim < 0 ? -1 : 0;
}

static void add_ipv6(struct net_link *link)
{
    link_no_autoconf(link->ifindex);
    if (link->ipv6 && (addr_add6(link->ifindex, &link->tap_addr6, NET_PREFIX6) < 0 ||
                       neigh_add(link->ifindex, AF_INET6, &link->guest_addr6, link->guest_mac) < 0 ||
                       !ipv6_no_source_routes(link->tap)))
        link->ipv6 = false; /* turned off on new devices, or the MTU is below IPv6's 1280 */
}

static int make_tap(struct net_link *link, const struct net_plan *plan, struct err *err)
{
    struct link_info info;
    char alias[LINK_ALIAS];
    snprintf(link->tap, sizeof(link->tap), "%s", plan->tap[0] ? plan->tap : "ctr%d");
    snprintf(alias, sizeof(alias), RULES_COMMENT "%s", plan->id);
    cleanup_close int fd = tap_create(link->tap, err);
    if (fd < 0)
        return -1;
    struct link_config config = {.alias = alias,
                                 .mtu = link->mtu,
                                 .group = RULES_GROUP,
                                 .mac = link->tap_mac,
                                 .route_localnet = plan->ports.count > 0};
    if (link_find(link->tap, &info) < 0 || link_configure(info.ifindex, &config) < 0)
        return err_sys(err, "cannot configure TAP device %s", link->tap);
    link->ifindex = info.ifindex;
    if (addr_add(info.ifindex, link->tap_addr, NET_PREFIX) < 0)
        return err_sys(err, "cannot give TAP device %s its address", link->tap);
    if (subnet_recheck(link->tap_addr, link->ifindex, err) < 0)
        return -1;
    if (neigh_add(info.ifindex, AF_INET, &link->guest_addr, link->guest_mac) < 0)
        return err_sys(err, "cannot set the guest's neighbour entry on TAP device %s", link->tap);
    add_ipv6(link);
    return tap_persist(fd, link->tap, plan->uid, plan->gid, err);
}

/* It stays on, because nobody can know who else needs it by the time we end (Docker leaves it on, too).  Where
 * /proc/sys is read-only, the setting may already be on. */
static int enable_forwarding(struct err *err)
{
    static const char path[] = "/proc/sys/net/ipv4/ip_forward";
    cleanup_free char *now = io_read_file(AT_FDCWD, path, 16, NULL);
    if ((now && now[0] == '1') || io_write_text(path, "1\n") == 0)
        return 0;
    err_sys(err, "cannot turn on net.ipv4.ip_forward");
    err_hint(err, "start the container with --sysctl net.ipv4.ip_forward=1");
    return -1;
}

static int find_place(int family, struct fw_place *place, struct err *err)
{
    cleanup_fw_scan struct fw_scan nft = {0}, legacy = {0};
    if (fw_scan(&nft, FW_NFT, family, err) < 0 || fw_scan(&legacy, FW_LEGACY, family, err) < 0)
        return -1;
    *place = fw_find_place(&nft, &legacy);
    return 0;
}

static int start_rules(struct fw_made *made, int family, struct fw_place *place, struct err *err)
{
    fw_made_free(made);
    if (!place->known && find_place(family, place, err) < 0)
        return -1;
    return fw_start(made, place->backend, family, err);
}

/* Somebody may change the chain between the scan and the use of the position that the scan found.  The first try is for
 * the program that was started before, if there is one. */
static int add_rules(struct fw_made *made, int family, struct fw_place place, const struct net_plan *plan,
                     const struct net_link *link, struct err *err)
{
    for (int i = 0; i < RULE_TRIES; i++) {
        err->text[0] = '\0';
        if (made->run.pid || start_rules(made, family, &place, err) == 0) {
            rules_text(&made->text, family, plan, link, place.forward_at);
            if (fw_add(made, err) == 0)
                return 0;
        }
        place.known = false;
        gc_rules(plan->id, family, NULL); /* removes what was added to the tables before the one that failed */
    }
    return -1;
}

/* For a kernel that lacks a match or target that is not essential: tries without bounds, without REJECT, then without
 * both. */
static int add_fewer_rules(struct fw_made *made, struct fw_place place, const struct net_plan *plan,
                           struct net_link *link, struct err *err)
{
    const struct bounds bounds = link->bounds;
    struct err why = *err;
    place.known = false;
    for (unsigned lack = 1; lack < 4; lack++) {
        link->bounds = lack & 1 ? (struct bounds){0} : bounds;
        link->bare = lack & 2;
        if (add_rules(made, AF_INET, place, plan, link, err) < 0)
            continue;
        if (lack & 1)
            log_warn("cannot limit the guest's connections: %s (does the kernel lack the match hashlimit?)", why.text);
        if (lack & 2)
            log_warn(
                "when the guest has died, clients of a published port time out instead of being refused: %s (does the "
                "kernel lack REJECT?)",
                why.text);
        return 0;
    }
    return -1;
}

static int close_ipv6(struct fw_made *made, const struct net_plan *plan, const struct net_link *link,
                      struct fw_place place, struct err *err)
{
    if (start_rules(made, AF_INET6, &place, err) < 0)
        return -1;
    rules_closed(&made->text, plan, link);
    return fw_add(made, err);
}

/* Sets IPv6 up where that works.  Otherwise turns it off on the TAP, because no rule of ours would stop it there. */
static void set_up_ipv6(struct fw_made *made, const struct net_plan *plan, struct net_link *link, struct fw_place place)
{
    struct err why = {0};
    if (link->ipv6 && add_rules(made, AF_INET6, place, plan, link, &why) == 0)
        return;
    if (link->ipv6)
        log_warn("the guest does not get IPv6: %s", why.text);
    link->ipv6 = false;
    why.text[0] = '\0';
    if (!ipv6_disable(link->tap) && close_ipv6(made, plan, link, place, &why) < 0)
        log_warn("cannot keep the guest from this host's IPv6: %s", why.text);
}

/* Without the rules that refuse a dead guest's clients, the fallback's packets would run in circles. */
static int start_link(const struct net_link *link, struct err *err)
{
    if (!link->bare && link->ipv6)
        ipv6_only_with_carrier(link->tap);
    if (link_up(link->ifindex, !link->bare) < 0)
        return err_sys(err, "cannot bring up TAP device %s", link->tap);
    if (!link->bare)
        fallback_add(link->guest_addr);
    if (!link->bare && link->ipv6)
        fallback_add6(&link->guest_addr6);
    return 0;
}

/* A device named by the user is used as it is. */
static int start_watch(struct netsetup *net, struct err *err)
{
    bool follow = !net->plan.uplink[0];
    const struct watch_family families[] = {
        {follow ? AF_INET : 0, net->made.backend, net->link.uplinks[0]},
        {follow && net->link.ipv6 ? AF_INET6 : 0, net->made6.backend, net->link.uplinks[1]}};
    if (!follow && !net->link.bounds.flows)
        return 0;
    net->watch = watch_start(&net->plan, &net->link, families, &net->life, err);
    return net->watch < 0 ? -1 : 0;
}

static int bring_up(struct netsetup *net, const char *id, struct err *err)
{
    const struct net_plan *plan = &net->plan;
    struct net_link *link = &net->link;
    struct gc_result seen = {.ports = &plan->ports, .id = id};
    if (claim_vm(&net->claim, id, net->plan.id, err) < 0 || gc_all(&seen, err) < 0)
        return -1;
    if (seen.id_lives)
        return err_set(err, "a VM with the id %s is already running here", id);
    if (seen.taken.text[0])
        return err_set(err, "%s", seen.taken.text);
    /* Started early, so that iptables-restore is ready by the time the rules are known. */
    if (start_rules(&net->made, AF_INET, &seen.place, err) < 0)
        return -1;
    if (find_uplinks(plan, link, err) < 0 || choose_macs(plan, link, err) < 0 || take_subnet(net, plan, err) < 0 ||
        enable_forwarding(err) < 0)
        return -1;
    link->ipv6 = !plan->no_ipv6 && ipv6_ready() && ipv6_choose(&link->tap_addr6, &link->guest_addr6);
    if (link->ipv6)
        start_rules(&net->made6, AF_INET6, &seen.place6, NULL); /* a failure is reported by the second attempt */
    if (portclaim_take(&net->ports, &plan->ports, link->ipv6, err) < 0 || make_tap(link, plan, err) < 0 ||
        rivals_of_nat(plan->uplink, link->uplinks, err) < 0 || rivals_of_ports(plan, err) < 0)
        return -1;
    if (plan->dns[0][0] && (net->dns = dns_start(plan, link, err)) < 0)
        return -1;
    link->bounds = bounds_find();
    if (add_rules(&net->made, AF_INET, seen.place, plan, link, err) < 0 &&
        add_fewer_rules(&net->made, seen.place, plan, link, err) < 0) {
        if (plan->ports.all)
            err_hint(err, "VM_PORTS=all needs a kernel with CONFIG_NETFILTER_XT_MATCH_SOCKET");
        return -1;
    }
    set_up_ipv6(&net->made6, plan, link, seen.place6);
    conntrack_forget(&(struct conntrack_gone){.ports = &plan->ports});
    foreign_warn(plan, link);
    return start_link(link, err) < 0 || start_watch(net, err) < 0 ? -1 : 0;
}

struct netsetup *netsetup_up(const struct net_plan *plan, struct err *err)
{
    struct err unseen = {0};
    if (!err)
        err = &unseen;
    if (netsetup_check(plan, err) < 0)
        return NULL;
    struct netsetup *net = calloc(1, sizeof(*net));
    if (!net) {
        err_set(err, "out of memory");
        return NULL;
    }
    net->plan = *plan;
    net->claim = (struct claim_vm)CLAIM_VM_NONE;
    net->subnet_claim = net->dns = net->watch = net->life = -1;
    if (bring_up(net, plan->id, err) == 0)
        return net;
    netsetup_down(net, NULL);
    return NULL;
}

int netsetup_down(struct netsetup *net, struct err *err)
{
    if (!net)
        return 0;
    /* Without the claim nothing was made, and anything with this id belongs to another VM. */
    const struct conntrack_gone gone = {net->link.guest_addr, net->link.guest_addr6, NULL};
    struct conntrack_lost lost = {0};
    process_end(&net->watch);
    if (net->life >= 0)
        close(net->life);
    if (net->link.ifindex)
        conntrack_find(&gone, &lost);
    int r = net->claim.mark >= 0 ? gc_own(net->plan.id, &net->made, &net->made6, err) : 0;
    fw_made_free(&net->made);
    fw_made_free(&net->made6);
    process_end(&net->dns);
    portclaim_release(&net->ports);
    if (net->link.ifindex) {
        fallback_remove(net->link.guest_addr);
        if (net->link.ipv6)
            fallback_remove6(&net->link.guest_addr6);
        conntrack_forget(&gone);
        conntrack_reset(&lost);
    }
    if (net->subnet_claim >= 0)
        close(net->subnet_claim);
    claim_vm_release(&net->claim);
    free(net);
    return r;
}

int netsetup_gc(unsigned *removed, struct err *err)
{
    struct gc_result result = {0};
    int r = gc_all(&result, err);
    if (removed)
        *removed = result.removed;
    return r;
}

int netsetup_forget(const char *id, struct err *err)
{
    struct net_plan plan = {0};
    if ((size_t)snprintf(plan.id, sizeof(plan.id), "%s", id) >= sizeof(plan.id) || netsetup_check(&plan, NULL) < 0)
        return err_set(err, "'%s' is not a VM id", id);
    return gc_id(id, err);
}
