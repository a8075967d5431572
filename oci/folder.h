/* A container's own folder on a disk, from create to delete: STATE/ROOT/ID, with ROOT as the engine's --root, its
 * slashes replaced by colons.  In it, entry has the guest's scratch disk; a bundle is often on a tmpfs, which counts as
 * memory. */
#ifndef CTR_OCI_FOLDER_H
#define CTR_OCI_FOLDER_H

#include "common/err.h"

#include <limits.h>
#include <stdbool.h>

struct folder {
    char path[PATH_MAX];
    bool made; /* by folder_make: it was not there */
};

/* root may be NULL.  -1 with err. */
int folder_find(struct folder *f, const char *state, const char *root, const char *id, struct err *err);

/* Creates it, for root alone, and what is above it. */
int folder_make(struct folder *f, struct err *err);
bool folder_is_there(const struct folder *f);

/* With all that is in it. */
int folder_remove(const struct folder *f, struct err *err);

#endif
