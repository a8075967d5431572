/* Sparse files of the root disk stay sparse when they are changed.
 *
 * At the first write to a file, overlayfs copies it to the scratch disk.  It passes holes by if the lower filesystem
 * tells lseek(2) of them, which EROFS of Linux 6.1 does not: of 292 bytes in a /var/log/lastlog of 1 GiB, that copy is
 * 1 GiB.  So the files that the image lists (rootdisk/sparse.h) are copied before the command starts, by
 * their extents, which EROFS does tell (FIEMAP).  Overlayfs does the part that is hard to do for it: with metacopy, a
 * chmod makes a file above with all but the data, its directories, its hardlinks' index.  Then, while nothing is
 * mounted, the data is filled in, and the mark that it is missing is taken away. */
#ifndef CTR_INIT_SPARSE_H
#define CTR_INIT_SPARSE_H

#include "common/buf.h"
#include "common/err.h"

/* What of the image mounted at lower is to be copied: paths, each with its NUL.  Empty where there is nothing to do. */
void sparse_list(const char *lower, struct buf *list);

/* Has overlayfs, mounted at merged, make the files above. */
void sparse_make(const struct buf *list, const char *merged);

/* Fills them in.  Nothing is mounted on lower and upper.  A file that cannot be filled stays as it is. */
void sparse_fill(const struct buf *list, const char *lower, const char *upper);

#endif
