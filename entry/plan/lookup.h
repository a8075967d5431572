/* Where a path leads in the guest, as far as the tree tells. */
#ifndef CTR_LOOKUP_H
#define CTR_LOOKUP_H

#include "entry/plan/plan.h"

#include <sys/stat.h>

enum lookup {
    LOOKUP_FOUND,
    LOOKUP_MISSING, /* errno says why */
    LOOKUP_UNKNOWN, /* the path leads into a mount that the guest makes, or cannot be examined from here */
};

/* Follows an absolute path and every link in it, with the tree as the root.  Directories that init will create count as
 * existing.  *st gets the type and mode of the file found. */
enum lookup lookup(const struct drives_plan *d, const char *path, struct stat *st);

#endif
