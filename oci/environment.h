/* The environment of entry: PATH for its own programs, options, and the command's variables with the prefix CTR_, so
 * that none of them can configure the VM unless it is allowed to. */
#ifndef CTR_OCI_ENVIRONMENT_H
#define CTR_OCI_ENVIRONMENT_H

#include "oci/conf.h"
#include "oci/walk.h"

#include <stdbool.h>

struct environment_plan {
    const struct conf *conf;
    int variables;       /* process.env, or -1 */
    int annotations;     /* or -1 */
    int directory;       /* process.cwd, a string */
    bool readonly;       /* VM_ROOTFS_READONLY */
    const char *user;    /* VM_USER */
    const char *volumes; /* VM_VOLUMES, as the content of a JSON string */
};

/* Writes the member env.  What the container sets and may set wins over the administrator's file.  -1 with the walk's
 * err. */
int environment_write(struct walk *w, const struct environment_plan *plan);

#endif
