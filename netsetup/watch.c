#include "netsetup/watch.h"
#include "common/buf.h"
#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/sandbox.h"
#include "netsetup/nl.h"
#include "netsetup/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    SETTLE = 100 /* ms without news */,
    LOOK = 2000 /* ms between looks at the bounds */,
    HALF = 1 /* a prefix no longer than this is half the world */
};

struct watch {
    const struct net_plan *plan;
    const struct net_link *link;
    struct watch_family families[2];
    struct mnl_socket *news;
    unsigned told; /* bounds */
    int life;
};

static bool is_known(const struct watch *w, unsigned ifindex)
{
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < w->families[f].known.count; i++)
            if (w->families[f].known.list[i].ifindex == ifindex)
                return true;
    return false;
}

/* Whether a message may change something: most are of other VMs' TAPs. */
static bool matters(const struct watch *w, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) /* a name, above all */
        return is_known(w, (unsigned)((const struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_index);
    return (nlh->nlmsg_type == RTM_NEWROUTE || nlh->nlmsg_type == RTM_DELROUTE) &&
           ((const struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_dst_len <= HALF;
}

static bool read_news(const struct watch *w)
{
    char buf[NL_BUF];
    ssize_t n = mnl_socket_recvfrom(w->news, buf, sizeof(buf));
    int left = (int)n;
    bool any = n < 0 && errno == ENOBUFS; /* some were lost */
    for (struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)buf; n > 0 && mnl_nlmsg_ok(nlh, left);
         nlh = mnl_nlmsg_next(nlh, &left))
        any |= matters(w, nlh);
    return any;
}

static void tell(int family, const struct uplinks *now)
{
    cleanup_buf struct buf names = {0};
    const char *ip = family == AF_INET6 ? "IPv6" : "IPv4";
    for (size_t i = 0; i < now->count; i++)
        buf_fmt(&names, "%s%s", i ? ", " : "", now->list[i].name);
    if (now->count && !buf_failed(&names))
        log_warn("the default route of %s has changed: the guest's traffic leaves by %s now", ip, names.data);
    else
        log_warn("there is no default route of %s any more: the guest reaches nothing outside until there is", ip);
}

static void update(const struct watch *w, struct watch_family *f)
{
    struct uplinks now;
    struct err err = {0};
    cleanup_buf struct buf text = {0};
    if (!f->family || uplinks_find(f->family, &now) || uplinks_same(&now, &f->known))
        return;
    rules_chain(&text, w->plan, w->link, &now);
    if (buf_failed(&text) || fw_restore(f->world, f->family, text.data, &err)) {
        log_warn("the default route has changed, and the guest's rules cannot: %s", err.text);
        return;
    }
    f->known = now;
    tell(f->family, &now);
}

static void watch(struct watch *w)
{
    struct pollfd p[] = {{.fd = w->life, .events = POLLIN}, {.fd = mnl_socket_get_fd(w->news), .events = POLLIN}};
    bool pending = true; /* what came before the subscription */
    for (;;) {
        int n = poll(p, 2, pending ? SETTLE : w->link->bounds.flows ? LOOK : -1);
        if (n < 0 && errno != EINTR)
            _exit(1);
        if (p[0].revents)
            _exit(0);
        if (n > 0 && p[1].revents)
            pending |= read_news(w);
        if (n != 0)
            continue;
        for (int i = 0; i < 2 && pending; i++)
            update(w, &w->families[i]);
        pending = false;
        bounds_tell(&w->link->bounds, w->link->tap, &w->told);
    }
}

/* In the child, whose output is for messages only, and keeps nobody's reader waiting for stdout. */
static void become_watch(struct watch *w)
{
    const uint64_t rights = PRIVILEGE(CAP_NET_ADMIN) | PRIVILEGE(CAP_NET_RAW);
    const int quiet[] = {STDIN_FILENO, STDOUT_FILENO};
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, w->life, mnl_socket_get_fd(w->news)};
    prctl(PR_SET_NAME, "netsetup-watch");
    if (descriptors_blank(quiet, 2) || descriptors_keep(kept, sizeof(kept) / sizeof(*kept)))
        _exit(1);
    cancel_by(-1); /* not the descriptor that will have that number */
    if (privilege_keep(rights) || sandbox_enter(SANDBOX_WATCH, NULL))
        _exit(1);
    watch(w);
}

int watch_start(const struct net_plan *plan, const struct net_link *link, const struct watch_family families[2],
                int *life, struct err *err)
{
    int ends[2], pid_fd = -1;
    struct watch w = {plan, link, {families[0], families[1]}, mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), 0, -1};
    if (!w.news ||
        mnl_socket_bind(w.news, RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, MNL_SOCKET_AUTOPID) < 0 ||
        pipe2(ends, O_CLOEXEC)) {
        err_sys(err, "cannot watch the default route");
    } else {
        w.life = ends[0];
        pid_t pid = process_fork(&pid_fd);
        if (!pid) {
            close(ends[1]);
            become_watch(&w);
        }
        close(ends[0]);
        *life = ends[1];
        if (pid < 0) {
            err_sys(err, "cannot watch the default route");
            close(ends[1]);
            *life = -1;
        }
    }
    if (w.news)
        mnl_socket_close(w.news);
    return pid_fd;
}
