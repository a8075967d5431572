/* A bundle's config.json (runtime-spec 1.0 to 1.2) becomes that of a container in which entry runs the same command in
 * a VM.  Text in, text out: it touches nothing, so that a process without rights can do it. */
#ifndef CTR_OCI_REWRITE_H
#define CTR_OCI_REWRITE_H

#include "common/buf.h"
#include "common/err.h"
#include "oci/conf.h"

#include <stddef.h>

struct rewrite_plan {
    const struct conf *conf;
    const char *bundle;  /* the bundle's directory, absolute: where a relative root.path begins */
    const char *scratch; /* a directory of this container on a disk, absolute */
};

/* Appends the new config.json to out, and a string with its NUL to warnings for everything that the VM does not get.
 * -1 with err if the container would not be what the engine asked for. */
int rewrite_config(const char *text, size_t len, const struct rewrite_plan *plan, struct buf *out, struct buf *warnings,
                   struct err *err);

#endif
