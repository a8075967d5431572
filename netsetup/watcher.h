/* A process that waits for news from the kernel (rtnetlink(7)) on behalf of a VM, and acts on them: netsetup-watch.  It
 * is root, with the capabilities that it is left and nothing else, with a seccomp filter, and reads from nobody but the
 * kernel. */
#ifndef CTR_NETSETUP_WATCHER_H
#define CTR_NETSETUP_WATCHER_H

#include "common/err.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

struct watcher {
    unsigned groups; /* RTMGRP_LINK, ... */
    uint64_t rights; /* PRIVILEGE(CAP_NET_ADMIN), ... or 0 */
    void *data;      /* for the functions */

    bool (*matters)(const void *data, const struct nlmsghdr *message); /* NULL: every message does */
    void (*update)(void *data); /* once at the start, then when the news that matter have ceased for a moment */
    int (*look)(void *data); /* after each update and by the clock; ms until the next time, -1: never.  May be NULL */
};

/* Starts it.  It ends with process_end (common/process.h), or when nobody has *life open any more, which is the
 * caller's to close.  Its pidfd, or -1 with err. */
int watcher_start(const struct watcher *w, int *life, struct err *err);

#endif
