/* Where a command works: --root, or a profile's. */
#ifndef CTR_CTL_ROOT_H
#define CTR_CTL_ROOT_H

#include "common/err.h"
#include "ctl/profile.h"

#include <stdbool.h>

struct root {
    const char *given;            /* --root; NULL: none */
    const char *profile, *folder; /* --profile, --profile-conf-dir; NULL: none */
    struct profile values;        /* once root_find has read the profile; owned */
};

/* Takes one of these flags; *arg is moved to its value.  false: it is another argument. */
bool root_take(struct root *r, char ***arg);

/* The directory: --root, or the profile's field, or the usual one.  Owned by r.  NULL with err. */
const char *root_find(struct root *r, enum profile_field field, struct err *err);
void root_free(struct root *r);

#define cleanup_root __attribute__((cleanup(root_free)))

#endif
