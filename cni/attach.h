/* The plugin's work in the container's network namespace, which the process enters permanently.  Everything it creates
 * lives as long as that namespace, or until attach_del. */
#ifndef CTR_CNI_ATTACH_H
#define CTR_CNI_ATTACH_H

#include "cni/request.h"
#include "common/buf.h"

/* Ties CNI_IFNAME to a new TAP and appends the result.  Leaves nothing behind on failure. */
enum cni_code attach_add(const struct cni_request *r, struct buf *out, struct err *err);

/* Removes both; succeeds if they, or the namespace, are already gone. */
enum cni_code attach_del(const struct cni_request *r, struct buf *out, struct err *err);

/* Whether everything is as attach_add made it. */
enum cni_code attach_check(const struct cni_request *r, struct buf *out, struct err *err);

/* Whether this host supports it at all. */
enum cni_code attach_status(const struct cni_request *r, struct buf *out, struct err *err);

/* Does nothing: everything of ours is in the containers' namespaces, and disappears with them. */
enum cni_code attach_gc(const struct cni_request *r, struct buf *out, struct err *err);

#endif
