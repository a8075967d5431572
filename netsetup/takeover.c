/* The order of steps: everything that can be refused comes first; then a TAP, which is the guest's own and up before
 * anything arrives; the interface is last.  A TAP carries the VM's mark as its alias while it still depends on our
 * descriptor, and a tie carries it from its first moment.  So whenever a kill -9 comes, gc finds what is left.  The
 * undoing runs in reverse: the ties go first, so that the container has its interfaces back at once. */
#include "netsetup/takeover.h"
#include "common/cleanup.h"
#include "common/process.h"
#include "netsetup/check.h"
#include "netsetup/claim.h"
#include "netsetup/dns.h"
#include "netsetup/flowprog.h"
#include "netsetup/gc.h"
#include "netsetup/rivals.h"
#include "netsetup/rules.h"
#include "netsetup/takewatch.h"
#include "netsetup/tie.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct takeover {
    char name[TIE_NAME]; /* RULES_COMMENT and the mark */
    struct claim_vm claim;
    struct takeover_card card[TAKEOVER_CARDS_MAX];
    size_t count;
    struct takeover_relay relay;
    int dns;         /* the relay's process, by descriptor; -1: none */
    int watch, life; /* the process that warns of changes, and the descriptor whose closing ends it; -1: none */
};

const struct takeover_relay *takeover_relay(const struct takeover *t)
{
    return &t->relay;
}

const struct takeover_card *takeover_cards(const struct takeover *t, size_t *count)
{
    *count = t->count;
    return t->card;
}

const struct card_address *takeover_address(const struct takeover *t, int family)
{
    for (size_t i = 0; t && i < t->count; i++)
        for (size_t j = 0; j < t->card[i].card.address_count; j++)
            if (t->card[i].card.address[j].family == family)
                return &t->card[i].card.address[j];
    return NULL;
}

struct choice {
    const struct takeover_plan *plan;
    struct takeover *t;
    struct err *err;
    bool seen[TAKEOVER_CARDS_MAX]; /* of plan->ifaces */
};

/* Which of the plan's, or -1. */
static int asked_for(const struct takeover_plan *plan, const char *name)
{
    for (int i = 0; i < TAKEOVER_CARDS_MAX && plan->ifaces[i][0]; i++)
        if (strcmp(plan->ifaces[i], name) == 0)
            return i;
    return -1;
}

static int choose(const struct card *card, void *data)
{
    struct choice *c = data;
    int asked = asked_for(c->plan, card->name);
    const char *why = takecard_unfit(card);
    if (rules_owner(card->alias) || (c->plan->ifaces[0][0] && asked < 0))
        return 0;
    if (asked >= 0)
        c->seen[asked] = true;
    else if (!(card->flags & IFF_UP)) /* a device of the kernel's, like sit0: an engine's own is up */
        return 0;
    if (why)
        return err_set(
            c->err,
            "the guest cannot take over the interface %s: %s (choose others with HOST_IFACE, or use VM_NETWORK=nat)",
            card->name, why);
    for (size_t i = 0; i < c->t->count; i++) /* a repeated dump lists it again */
        if (c->t->card[i].card.ifindex == card->ifindex)
            return 0;
    if (c->t->count == TAKEOVER_CARDS_MAX)
        return err_set(c->err, "there are more than %d interfaces (choose some with HOST_IFACE)", TAKEOVER_CARDS_MAX);
    c->t->card[c->t->count++].card = *card;
    return 0;
}

static int choose_cards(const struct takeover_plan *plan, struct takeover *t, struct err *err)
{
    struct choice c = {.plan = plan, .t = t, .err = err};
    if (netsetup_on_host())
        return err_set(err, "the host's own interfaces cannot be taken over: use VM_NETWORK=nat with host networking");
    if (card_each(choose, &c, err) < 0)
        return -1;
    for (int i = 0; i < TAKEOVER_CARDS_MAX && plan->ifaces[i][0]; i++)
        if (!c.seen[i])
            return err_set(err, "HOST_IFACE=%s: there is no such network interface", plan->ifaces[i]);
    if (!t->count)
        return err_set(err, "there is no interface to take over");
    for (size_t i = 0; i < t->count; i++)
        if (card_read(&t->card[i].card, err) < 0)
            return -1;
    return 0;
}

int takeover_check(const struct takeover_plan *plan, struct err *err)
{
    cleanup_free struct takeover *t = calloc(1, sizeof(*t));
    if (!t)
        return err_set(err, "out of memory");
    return choose_cards(plan, t, err) < 0 ? -1 : rivals_of_takeover(t->card, t->count, err);
}

int takeover_supported(struct err *err)
{
    enum { ANY = 1 };
    cleanup_close int in = -1, out = -1;
    return flowprog_open(ANY, NULL, &in, &out, err);
}

static int start_relay(struct takeover *t, const struct takeover_plan *plan, struct err *err)
{
    struct net_plan servers = {.relay = plan->relay};
    struct net_link link = {.tap_addr = t->relay.relay, .guest_addr = t->relay.guest, .dns_port = 53};
    memcpy(servers.dns, plan->dns, sizeof(servers.dns));
    memcpy(link.tap, t->card[0].tap, sizeof(link.tap));
    t->dns = dns_start(&servers, &link, err);
    if (t->dns >= 0)
        return 0;
    if (errno == EACCES)
        err_hint(err, "docker run --cap-add NET_BIND_SERVICE, or --sysctl net.ipv4.ip_unprivileged_port_start=0");
    return -1;
}

static int take(struct takeover *t, struct takeover_card *c, const struct takeover_plan *plan, struct err *err)
{
    bool relayed = c == t->card && plan->dns[0][0];
    snprintf(c->tap, sizeof(c->tap), "ctr%%d");
    if (takecard_tap(c, t->name, plan->uid, plan->gid, relayed ? &t->relay : NULL, err) < 0 ||
        (relayed && start_relay(t, plan, err) < 0))
        return -1;
    return takecard_tie(c, t->name, t->relay.relay.s_addr ? &t->relay : NULL, err);
}

static int bring_up(struct takeover *t, const struct takeover_plan *plan, struct err *err)
{
    char mark[NET_MARK_MAX + 1];
    struct gc_result seen = {.id = plan->id};
    if (claim_vm(&t->claim, plan->id, mark, err) < 0)
        return -1;
    snprintf(t->name, sizeof(t->name), RULES_COMMENT "%s", mark);
    if (gc_all(&seen, err) < 0)
        return -1;
    if (seen.id_lives)
        return err_set(err, "a VM with the id %s is already running here", plan->id);
    if (choose_cards(plan, t, err) < 0 || rivals_of_takeover(t->card, t->count, err) < 0)
        return -1;
    for (size_t i = 0; i < t->count; i++)
        if (take(t, &t->card[i], plan, err) < 0)
            return -1;
    if (rivals_of_takeover(t->card, t->count, err) < 0)
        return -1;
    t->watch = takewatch_start(t->card, t->count, !plan->ifaces[0][0], &t->life, err);
    return t->watch < 0 ? -1 : 0;
}

struct takeover *takeover_up(const struct takeover_plan *plan, struct err *err)
{
    struct err unseen = {0};
    struct net_plan ids = {0};
    if (!err)
        err = &unseen;
    snprintf(ids.id, sizeof(ids.id), "%s", plan->id);
    if (netsetup_check(&ids, err) < 0)
        return NULL;
    struct takeover *t = calloc(1, sizeof(*t));
    if (!t) {
        err_set(err, "out of memory");
        return NULL;
    }
    t->claim = (struct claim_vm)CLAIM_VM_NONE;
    t->dns = t->watch = t->life = -1;
    if (bring_up(t, plan, err) == 0)
        return t;
    takeover_down(t, NULL);
    return NULL;
}

int takeover_down(struct takeover *t, struct err *err)
{
    if (!t)
        return 0;
    int r = 0;
    process_end(&t->watch);
    if (t->life >= 0)
        close(t->life);
    process_end(&t->dns);
    for (size_t i = 0; i < t->count; i++)
        if (takecard_untie(&t->card[i], err) < 0)
            r = -1;
    for (size_t i = 0; i < t->count; i++)
        if (takecard_remove(&t->card[i], err) < 0)
            r = -1;
    claim_vm_release(&t->claim);
    free(t);
    return r;
}
