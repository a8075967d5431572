/* Whether a file is valid for the store. */
#ifndef CTR_STORE_CONTENT_H
#define CTR_STORE_CONTENT_H

#include "common/err.h"
#include "store/store.h"

/* fd: open for reading; path is for err.  A kernel must be one that Firecracker boots on this machine; an image must be
 * a whole EROFS filesystem with blocks of 4096 bytes, as `rootdisk write` makes it.  0, or -1 with err. */
int content_check(enum store_kind kind, int fd, const char *path, struct err *err);

#endif
