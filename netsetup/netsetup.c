/* The order of things.  Whatever outlives this process is marked with the VM's id before it can: the TAP by its
 * alias while it still hangs on our descriptor, the rules by their comment.  And the id is claimed before
 * all.  So at any moment of a kill -9, the next VM's gc finds what is left and knows that nobody owns it. */
#include "netsetup/netsetup.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "netsetup/claim.h"
#include "netsetup/fw.h"
#include "netsetup/gc.h"
#include "netsetup/link.h"
#include "netsetup/rules.h"
#include "netsetup/subnet.h"
#include "netsetup/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

enum { DEFAULT_MTU = 1500, CLAIM_TRIES = 100, RULE_TRIES = 3 };

struct netsetup {
    char id[NET_ID_MAX + 1];
    struct net_link link;
    int id_claim, subnet_claim; /* held for the VM's life */
};

const struct net_link *netsetup_link(const struct netsetup *net)
{
    return &net->link;
}

/* A gc of another process may hold the id for a moment, to clean up after a VM of the same name. */
static int take_id(struct netsetup *net, struct err *err)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < CLAIM_TRIES; i++) {
        net->id_claim = claim_id(net->id);
        if (net->id_claim >= 0)
            return 0;
        if (errno != EADDRINUSE)
            return err_sys(err, "cannot claim the id %s", net->id);
        nanosleep(&pause, NULL);
    }
    return err_set(err, "a VM with the id %s is already running here", net->id);
}

/* The MTU that the guest's packets will meet first. */
static int find_mtu(const struct net_plan *plan, unsigned *mtu, struct err *err)
{
    struct link_info info = {.mtu = DEFAULT_MTU};
    if (plan->uplink[0] && link_find(plan->uplink, &info))
        return errno == ENODEV ? err_set(err, "HOST_IFACE=%s: there is no such network interface", plan->uplink)
                               : err_sys(err, "cannot look up HOST_IFACE=%s", plan->uplink);
    if (!plan->uplink[0] && link_default(&info)) {
        if (errno != ENOENT)
            return err_sys(err, "cannot find the default route");
        log_warn("there is no default route: the guest reaches this host's networks only");
    }
    *mtu = info.mtu;
    return 0;
}

static int choose_mac(const struct net_plan *plan, uint8_t mac[6], struct err *err)
{
    static const uint8_t none[6];
    memcpy(mac, plan->guest_mac, sizeof(none));
    if (memcmp(mac, none, sizeof(none)) != 0)
        return 0;
    if (getrandom(mac, sizeof(none), 0) != sizeof(none))
        return err_sys(err, "getrandom");
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 2); /* locally administered, not multicast */
    return 0;
}

static int take_subnet(struct netsetup *net, const struct net_plan *plan, struct err *err)
{
    net->link.tap_addr = plan->tap_addr;
    net->link.guest_addr = plan->guest_addr;
    subnet_pair(&net->link.tap_addr, &net->link.guest_addr); /* netsetup_check had it */
    net->subnet_claim = subnet_take(&net->link.tap_addr, &net->link.guest_addr, err);
    return net->subnet_claim < 0 ? -1 : 0;
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
    struct link_config config = {.alias = alias, .mtu = link->mtu, .route_localnet = plan->ports.count > 0};
    if (link_find(link->tap, &info) || link_configure(info.ifindex, &config))
        return err_sys(err, "cannot configure TAP device %s", link->tap);
    link->ifindex = info.ifindex;
    if (link_add_addr(info.ifindex, link->tap_addr, NET_PREFIX))
        return err_sys(err, "cannot give TAP device %s its address", link->tap);
    return tap_persist(fd, link->tap, plan->uid, plan->gid, err);
}

/* It stays on: what else needs it by the time we go, nobody can know (Docker leaves it on, too).  Where
 * /proc/sys is read-only, what has to be on can still be on already. */
static int enable_forwarding(struct err *err)
{
    static const char path[] = "/proc/sys/net/ipv4/ip_forward";
    cleanup_free char *now = io_read_file(AT_FDCWD, path, 16, NULL);
    if ((now && now[0] == '1') || !io_write_text(path, "1\n"))
        return 0;
    err_sys(err, "cannot turn on net.ipv4.ip_forward");
    err_hint(err, "start the container with --sysctl net.ipv4.ip_forward=1");
    return -1;
}

static int add_rules_once(const struct net_plan *plan, const struct net_link *link, struct err *err)
{
    cleanup_fw_scan struct fw_scan nft = {0}, legacy = {0};
    cleanup_buf struct buf text = {0};
    if (fw_scan(&nft, FW_NFT, AF_INET, err) || fw_scan(&legacy, FW_LEGACY, AF_INET, err))
        return -1;
    enum fw_world world = fw_choose(&nft, &legacy);
    rules_v4(&text, plan, link, (world == FW_NFT ? nft : legacy).docker_user + 1);
    return buf_failed(&text) ? err_set(err, "out of memory") : fw_restore(world, AF_INET, text.data, err);
}

/* The position in FORWARD comes from a scan, and somebody may change the chain before it is used. */
static int add_rules(const struct net_plan *plan, const struct net_link *link, struct err *err)
{
    for (int i = 0; i < RULE_TRIES; i++) {
        err->text[0] = '\0';
        if (!add_rules_once(plan, link, err))
            return 0;
        gc_rules(plan->id, NULL); /* tables that came before the one that failed */
    }
    return -1;
}

static int bring_up(struct netsetup *net, const struct net_plan *plan, struct err *err)
{
    if (take_id(net, err))
        return -1;
    /* Leftovers that cannot be removed are no reason not to start, unless they are in the way. */
    struct err ignored = {0};
    if (gc_all(plan->id, NULL, &ignored))
        log_warn("cannot clean up after dead VMs: %s", ignored.text);
    if (find_mtu(plan, &net->link.mtu, err) || choose_mac(plan, net->link.guest_mac, err) ||
        take_subnet(net, plan, err) || enable_forwarding(err) || make_tap(&net->link, plan, err) ||
        add_rules(plan, &net->link, err))
        return -1;
    return link_up(net->link.ifindex) ? err_sys(err, "cannot set TAP device %s up", net->link.tap) : 0;
}

struct netsetup *netsetup_up(const struct net_plan *plan, struct err *err)
{
    if (netsetup_check(plan, err))
        return NULL;
    struct netsetup *net = calloc(1, sizeof(*net));
    if (!net) {
        err_set(err, "out of memory");
        return NULL;
    }
    snprintf(net->id, sizeof(net->id), "%s", plan->id);
    net->id_claim = net->subnet_claim = -1;
    if (!bring_up(net, plan, err))
        return net;
    netsetup_down(net, NULL);
    return NULL;
}

int netsetup_down(struct netsetup *net, struct err *err)
{
    int r = 0;
    if (!net)
        return 0;
    if (net->id_claim >= 0) {
        r = gc_vm(net->id, err);
        close(net->id_claim);
    }
    if (net->subnet_claim >= 0)
        close(net->subnet_claim);
    free(net);
    return r;
}

int netsetup_gc(unsigned *removed, struct err *err)
{
    if (removed)
        *removed = 0;
    return gc_all(NULL, removed, err);
}

int netsetup_forget(const char *id, struct err *err)
{
    struct net_plan plan = {0};
    if ((size_t)snprintf(plan.id, sizeof(plan.id), "%s", id) >= sizeof(plan.id) || netsetup_check(&plan, NULL))
        return err_set(err, "'%s' is no id of a VM", id);
    cleanup_close int claim = claim_id(id);
    if (claim < 0)
        return errno == EADDRINUSE ? err_set(err, "the VM %s is running: end it instead", id)
                                   : err_sys(err, "cannot claim the id %s", id);
    return gc_vm(id, err);
}
