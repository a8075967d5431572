/* Where a path leads in the guest, as far as the tree tells. */
#ifndef CTR_LOOKUP_H
#define CTR_LOOKUP_H

#include "entry/plan/plan.h"

#include <sys/stat.h>

enum lookup {
    LOOKUP_FOUND,
    LOOKUP_MISSING, /* errno says why */
    LOOKUP_UNKNOWN, /* the way leads into what the guest mounts, or cannot be looked at from here */
};

/* Follows an absolute path and every link on its way, with the tree as the root.  What init makes is found,
 * too.  *st has the type and mode of what is found. */
enum lookup lookup(const struct drives_plan *d, const char *path, struct stat *st);

#endif
