/* A process that waits for news from the kernel (rtnetlink(7)) on behalf of a VM, and acts on them: netsetup-watch.  It
 * runs as root with only the capabilities it is given and a seccomp filter, and reads only from the kernel. */
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
    /* once at the start, then after relevant changes, when no more have come for a moment */
    void (*update)(void *data);
    int (*look)(void *data); /* after each update and by the clock; ms until the next time, -1: never.  May be NULL */
};

/* Starts the process.  It ends with process_end (common/process.h), or when nobody holds *life open any more; the
 * caller closes *life.  The process's pidfd, or -1 with err. */
int watcher_start(const struct watcher *w, int *life, struct err *err);

#endif
