/* A list, in the image, of the files that consist almost entirely of holes, for the guest's init (guest-init/sparse.h).
 * */
#ifndef CTR_ROOTDISK_SPARSE_H
#define CTR_ROOTDISK_SPARSE_H

#include "common/err.h"
#include "rootdisk/tree.h"

/* Adds the attribute ROOTDISK_SPARSE (common/settings.h) to the root, when there are such files: as many as the guest's
 * init may copy at each start without anybody noticing.  0, or -1 with err: out of memory. */
int sparse_note(struct tree *t, struct err *err);

#endif
