#include "netsetup/takewatch.h"
#include "common/log.h"
#include "netsetup/rules.h"
#include "netsetup/watcher.h"

#include <linux/rtnetlink.h>
#include <string.h>

enum { STRANGERS_MAX = 8 };

struct takewatch {
    struct card known[TAKEOVER_CARDS_MAX], now[TAKEOVER_CARDS_MAX]; /* of the same index */
    bool seen[TAKEOVER_CARDS_MAX], gone[TAKEOVER_CARDS_MAX];
    size_t count;
    bool all;
    unsigned told[STRANGERS_MAX]; /* new interfaces, by ifindex */
};

static void see_stranger(struct takewatch *t, const struct card *card)
{
    size_t i = 0;
    while (i < STRANGERS_MAX && t->told[i] && t->told[i] != card->ifindex)
        i++;
    if (i == STRANGERS_MAX || t->told[i])
        return;
    t->told[i] = card->ifindex;
    log_warn("the container has a new network interface, %s: the guest gets it when the container is restarted",
             card->name);
}

static int see(const struct card *card, void *data)
{
    struct takewatch *t = data;
    for (size_t i = 0; i < t->count; i++)
        if (t->known[i].ifindex == card->ifindex) {
            t->now[i] = *card;
            t->seen[i] = true;
            return 0;
        }
    if (t->all && (card->flags & IFF_UP) && card->ethernet && !rules_owner(card->alias))
        see_stranger(t, card);
    return 0;
}

/* An interface that is down is about to disappear, or is not ready yet. */
static void compare(struct takewatch *t, size_t i)
{
    struct err unseen = {0};
    if (t->gone[i])
        return;
    if (!t->seen[i]) {
        t->gone[i] = true;
        log_warn("the container's network interface %s is gone: the guest has no network there until the container is "
                 "restarted",
                 t->known[i].name);
        return;
    }
    if (!(t->now[i].flags & IFF_UP) || card_read(&t->now[i], &unseen) < 0 || card_same(&t->known[i], &t->now[i]))
        return;
    log_warn("the addresses or routes of the container's network interface %s have changed: the guest gets them when "
             "the container is restarted",
             t->known[i].name);
    t->known[i] = t->now[i];
}

static void update(void *data)
{
    struct takewatch *t = data;
    struct err unseen = {0};
    memset(t->seen, 0, sizeof(t->seen));
    if (card_each(see, t, &unseen) < 0)
        return;
    for (size_t i = 0; i < t->count; i++)
        compare(t, i);
}

int takewatch_start(const struct takeover_card *cards, size_t count, bool all, int *life, struct err *err)
{
    struct takewatch t = {.count = count, .all = all};
    const struct watcher watcher = {
        .groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
        .data = &t,
        .update = update,
    };
    for (size_t i = 0; i < count; i++)
        t.known[i] = cards[i].card;
    return watcher_start(&watcher, life, err);
}
