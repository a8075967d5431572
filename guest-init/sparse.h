/* Sparse files of the root disk stay sparse when they are changed.
 *
 * At the first write to a file, overlayfs copies the file to the scratch disk.  It skips holes if the lower filesystem
 * reports them to lseek(2), which the EROFS of Linux 6.1 does not: the copy of a /var/log/lastlog with 292 bytes of
 * data and a size of 1 GiB takes 1 GiB.  So init copies the files that the image lists (rootdisk/sparse.h) before the
 * command starts, by their extents, which EROFS does report (FIEMAP).  Overlayfs itself does the difficult part: with
 * metacopy, a chmod creates the upper file with everything but its data, including its directories and the index of its
 * hardlinks.  Then, while no overlayfs is mounted, init fills in the data and removes the mark that says that the data
 * is missing. */
#ifndef CTR_INIT_SPARSE_H
#define CTR_INIT_SPARSE_H

#include "common/buf.h"
#include "common/err.h"

/* Lists the files to copy of the image mounted at lower: paths, each followed by a NUL.  Empty if there is nothing to
 * do. */
void sparse_list(const char *lower, struct buf *list);

/* Makes overlayfs, mounted at merged, create the files in the upper layer. */
void sparse_make(const struct buf *list, const char *merged);

/* Fills in their data.  No overlayfs may be mounted on lower and upper.  A file that cannot be filled stays as it is.
 * */
void sparse_fill(const struct buf *list, const char *lower, const char *upper);

#endif
