#include "netsetup/rivals.h"
#include "common/cleanup.h"
#include "netsetup/claim.h"
#include "netsetup/gc.h"
#include "netsetup/link.h"
#include "netsetup/rules.h"
#include "netsetup/tie.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A mark without its unique part: the VM's id as the user knows it. */
static int id_length(const char *mark)
{
    return (int)strcspn(mark, "~");
}

struct nat_start {
    const char *uplink; /* UPLINK_ANY: conflicts with every tie */
    const struct uplinks *uplinks;
    struct err *err;
    int result;
};

static bool nat_leaves_by(const struct nat_start *n, unsigned ifindex)
{
    struct link_info info;
    if (strcmp(n->uplink, UPLINK_ANY) == 0)
        return true;
    if (n->uplink[0])
        return link_find(n->uplink, &info) == 0 && info.ifindex == ifindex;
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < n->uplinks[f].count; i++)
            if (n->uplinks[f].list[i].ifindex == ifindex)
                return true;
    return false;
}

/* It has died since gc_all. */
static bool reclaim(const char *mark)
{
    cleanup_close int claim = claim_mark(mark);
    return claim >= 0 && gc_vm(mark, NULL) == 0;
}

static void see_tie(unsigned ifindex, const char *name, void *data)
{
    struct nat_start *n = data;
    struct link_info info;
    const char *mark = rules_owner(name);
    if (n->result || (!mark && !takecard_plugins(name)) || !nat_leaves_by(n, ifindex) || (mark && reclaim(mark)) ||
        link_find_index(ifindex, &info) < 0 || rules_owner(info.alias))
        return;
    n->result =
        err_set(n->err, "%s%.*s has taken over the interface %s, by which this guest's traffic would leave",
                mark ? "the VM " : "", mark ? id_length(mark) : (int)strlen(name), mark ? mark : name, info.name);
    err_hint(n->err, "start this VM in a network namespace of its own, or choose another interface by HOST_IFACE");
}

int rivals_of_nat(const char *uplink, const struct uplinks uplinks[2], struct err *err)
{
    struct nat_start n = {uplink, uplinks, err, 0};
    return tie_each(see_tie, &n) < 0 ? err_sys(err, "cannot list this namespace's traffic control") : n.result;
}

struct neighbour {
    const struct net_plan *plan;
    struct err *err;
    int result;
};

static void see_neighbour(const struct gc_found *vm, void *data)
{
    struct neighbour *n = data;
    if (n->result || !vm->alive || !vm->taps || vm->ties || strcmp(vm->mark, n->plan->id) == 0)
        return;
    n->result = err_set(n->err,
                        n->plan->ports.all ? "VM_PORTS=all: the VM %.*s, which is in this network namespace, would "
                                             "lose its ports"
                                           : "the VM %.*s, which is in this network namespace, has VM_PORTS=all",
                        id_length(vm->mark), vm->mark);
    err_hint(n->err, "start this VM in a network namespace of its own");
}

int rivals_of_ports(const struct net_plan *plan, struct err *err)
{
    struct neighbour n = {plan, err, 0};
    if (!plan->ports.all && !claim_ports_held())
        return 0;
    return gc_list(see_neighbour, &n, err) < 0 ? -1 : n.result;
}

struct takers {
    const struct takeover_card *cards;
    size_t count;
    struct err *err;
    int result;
};

/* The TAP of a VM that took interfaces over is tied itself. */
static int see_tap(const struct link_info *info, void *data)
{
    char name[TIE_NAME] = "";
    if (rules_owner(info->alias))
        tie_name(info->ifindex, name);
    *(bool *)data |= rules_owner(info->alias) && !name[0];
    return 0;
}

static bool goes_by(const struct gc_found *vm, const char *iface)
{
    for (size_t i = 0; i < vm->out_count; i++)
        if (strcmp(vm->out[i], iface) == 0)
            return true;
    return !vm->bounded;
}

static void see_vm(const struct gc_found *vm, void *data)
{
    struct takers *t = data;
    for (size_t i = 0; i < t->count && vm->alive && vm->taps && !vm->ties && !t->result; i++)
        if (goes_by(vm, t->cards[i].card.name)) {
            t->result =
                err_set(t->err, "the guest cannot take over the interface %s: the traffic of the VM %.*s leaves by it",
                        t->cards[i].card.name, id_length(vm->mark), vm->mark);
            err_hint(t->err,
                     "start this VM in a network namespace of its own, or choose other interfaces by HOST_IFACE");
        }
}

int rivals_of_takeover(const struct takeover_card *cards, size_t count, struct err *err)
{
    struct takers t = {cards, count, err, 0};
    bool any = false;
    if (link_each(see_tap, &any) < 0)
        return err_sys(err, "cannot list network devices");
    return any && gc_list(see_vm, &t, err) < 0 ? -1 : t.result;
}

static void leave_out(unsigned ifindex, const char *name, void *data)
{
    struct uplinks *u = data;
    for (size_t i = 0; i < u->count && (rules_owner(name) || takecard_plugins(name)); i++)
        if (u->list[i].ifindex == ifindex)
            u->list[i].ifindex = 0;
}

void rivals_leave_out(struct uplinks *u, char gone[IFNAMSIZ])
{
    gone[0] = '\0';
    tie_each(leave_out, u);
    for (size_t i = 0; i < u->count;)
        if (u->list[i].ifindex) {
            i++;
        } else {
            memcpy(gone, u->list[i].name, IFNAMSIZ);
            memmove(&u->list[i], &u->list[i + 1], (--u->count - i) * sizeof(u->list[0]));
        }
}
