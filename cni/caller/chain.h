/* A container runtime's part of CNI: puts a network namespace on a network that the administrator has configured, by
 * that network's chain of plugins, and takes it off again. */
#ifndef CTR_CNI_CHAIN_H
#define CTR_CNI_CHAIN_H

#include "cni/caller/attachment.h"
#include "common/buf.h"
#include "common/err.h"

/* Calls ADD of each plugin in turn.  result is empty before; afterwards, it has the last plugin's result, or is still
 * empty if no plugin was called.  On failure, everything is undone: -1 with err.  A plugin tc-redirect-tap is skipped,
 * because entry does its work itself (VM_NETWORK=takeover). */
int cni_add(const struct cni_attachment *a, struct buf *result, struct err *err);

/* CHECK by each plugin.  -1 with err when something is not as ADD made it. */
int cni_check(const struct cni_attachment *a, struct err *err);

/* DEL by each plugin, in reverse order, with the cached configuration, or the network's current one if nothing is
 * cached.  All are tried; -1 with the first failure, and the cache is kept for another try.  a->netns may be gone
 * already. */
int cni_del(const struct cni_attachment *a, struct err *err);

/* STATUS by each plugin: whether the network can take containers.  Networks before version 1.1.0 always can.  -1 with
 * the first reason. */
int cni_status(const struct cni_attachment *a, struct err *err);

/* GC by each plugin, which removes everything that belongs to a container without a result in a->cache.  So all callers
 * of the network must share the cache.  Does nothing before version 1.1.0, or if the network has disableGC.  All
 * plugins are called; -1 with the first failure. */
int cni_gc(const struct cni_attachment *a, struct err *err);

#endif
