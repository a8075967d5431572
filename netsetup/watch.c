#include "netsetup/watch.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/privilege.h"
#include "netsetup/fwrestore.h"
#include "netsetup/nl.h"
#include "netsetup/rivals.h"
#include "netsetup/rules.h"
#include "netsetup/watcher.h"

#include <linux/rtnetlink.h>

enum {
    LOOK = 2000 /* ms between looks at the bounds */,
    HALF = 1 /* a prefix of at most this length covers half of all addresses */
};

struct net_watch {
    const struct net_plan *plan;
    const struct net_link *link;
    struct watch_family families[2];
    unsigned told; /* bounds */
};

static bool is_known(const struct net_watch *w, unsigned ifindex)
{
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < w->families[f].known.count; i++)
            if (w->families[f].known.list[i].ifindex == ifindex)
                return true;
    return false;
}

/* Whether a message may change something: most are of other VMs' TAPs. */
static bool matters(const void *data, const struct nlmsghdr *nlh)
{
    const struct net_watch *w = data;
    if (nlh->nlmsg_type == RTM_DELQDISC) /* an interface may be free again */
        return true;
    if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) /* a name, above all */
        return is_known(w, (unsigned)((const struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_index);
    return (nlh->nlmsg_type == RTM_NEWROUTE || nlh->nlmsg_type == RTM_DELROUTE) &&
           ((const struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_dst_len <= HALF;
}

static void tell_uplinks(int family, const struct uplinks *now)
{
    cleanup_buf struct buf names = {0};
    const char *ip = family == AF_INET6 ? "IPv6" : "IPv4";
    for (size_t i = 0; i < now->count; i++)
        buf_fmt(&names, "%s%s", i ? ", " : "", now->list[i].name);
    if (now->count && !buf_failed(&names))
        log_warn("the default route of %s has changed: the guest's traffic leaves by %s now", ip, names.data);
    else
        log_warn("the default route of %s is gone: the guest cannot reach the outside until there is one", ip);
}

static void update_family(const struct net_watch *w, struct watch_family *f)
{
    struct uplinks now;
    struct err err = {0};
    char taken[IFNAMSIZ];
    cleanup_buf struct buf text = {0};
    if (!f->family || uplinks_find(f->family, &now) < 0)
        return;
    rivals_leave_out(&now, taken);
    if (uplinks_same(&now, &f->known))
        return;
    rules_chain(&text, w->plan, w->link, &now);
    if (buf_failed(&text) || fw_restore(f->backend, f->family, text.data, &err) < 0) {
        log_warn("the default route has changed, but the guest's rules could not be updated: %s", err.text);
        return;
    }
    f->known = now;
    tell_uplinks(f->family, &now);
    if (taken[0])
        log_warn("the guest's traffic does not leave by %s, which another VM has taken over", taken);
}

static void update(void *data)
{
    struct net_watch *w = data;
    for (int i = 0; i < 2; i++)
        update_family(w, &w->families[i]);
}

static int look(void *data)
{
    struct net_watch *w = data;
    bounds_tell(&w->link->bounds, w->link->tap, &w->told);
    return w->link->bounds.flows ? LOOK : -1;
}

int watch_start(const struct net_plan *plan, const struct net_link *link, const struct watch_family families[2],
                int *life, struct err *err)
{
    struct net_watch w = {plan, link, {families[0], families[1]}, 0};
    const struct watcher watcher = {
        .groups = RTMGRP_LINK | RTMGRP_TC | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
        .rights = PRIVILEGE(CAP_NET_ADMIN) | PRIVILEGE(CAP_NET_RAW),
        .data = &w,
        .matters = matters,
        .update = update,
        .look = look,
    };
    return watcher_start(&watcher, life, err);
}
