/* Unpacks an archive (tar.h) into a folder. */
#ifndef CTR_UNPACK_H
#define CTR_UNPACK_H

#include "common/err.h"

#include <stdbool.h>

struct unpack_plan {
    const char *member; /* what is wanted: this and what is below it; "." is all */
    const char *name;   /* what that is to be called in the folder; "" as in the archive */
    bool strange;       /* the archive's writer is not trusted: no link is followed below the folder, whoever made it
                           (openat2(2), RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS) */
    /* restores everything that the archive records.  Otherwise only what any user could make: files, directories and
     * links of this process's user, without set-user-id and set-group-id bits, with attributes in user.* alone.
     * Devices and FIFOs are skipped with a warning each, and existing directories keep their mode and time */
    bool exact;
    bool layer; /* an image's layer (common/layer.h), exact: whiteouts are left out, and of the attributes those
                   in user.* and the capabilities come along */
};

/* A layer's member is a whiteout if the last part of its name begins so. */
#define UNPACK_WHITEOUT ".wh."
bool unpack_is_whiteout(const char *path);

/* Leaves one slash between components, none around them, and no `.`: "" is the folder itself.  False with `..`. */
bool tar_normalize(char *path);

/* Reads the archive from in, to its end, and unpacks it into the directory dir (a descriptor; O_PATH will do).  Names
 * stay beneath dir: leading slashes are dropped, `..` is refused.  The target of a hard link is such a name, too.
 * Existing files are replaced, but not directories.  Leaves the process's umask at 0; needs /proc.  -1 with err. */
int tar_unpack(int in, int dir, const struct unpack_plan *plan, struct err *err);

#endif
