/* The plugin's work in the container's network namespace, which the process enters for good.  Whatever is made lives as
 * long as that namespace, or until attach_del. */
#ifndef CTR_CNI_ATTACH_H
#define CTR_CNI_ATTACH_H

#include "cni/request.h"
#include "common/buf.h"

/* Ties CNI_IFNAME to a new TAP and appends the result.  On failure nothing is left. */
enum cni_code attach_add(const struct cni_request *r, struct buf *out, struct err *err);

/* Removes both; it is no failure when they, or the namespace, are gone already. */
enum cni_code attach_del(const struct cni_request *r, struct buf *out, struct err *err);

/* Whether all is as attach_add made it. */
enum cni_code attach_check(const struct cni_request *r, struct buf *out, struct err *err);

/* Whether this host can do it at all. */
enum cni_code attach_status(const struct cni_request *r, struct buf *out, struct err *err);

/* Nothing of ours is outside of the containers' namespaces, and with these it goes. */
enum cni_code attach_gc(const struct cni_request *r, struct buf *out, struct err *err);

#endif
