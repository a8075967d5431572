/* The extended attributes of a file, in the image's form. */
#ifndef CTR_ROOTDISK_XATTR_H
#define CTR_ROOTDISK_XATTR_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>

/* Appends one entry: EROFS' index of the prefix, the rest of the name, a value of at most EROFS_XATTR_VALUE_MAX. */
void xattr_append(struct buf *out, uint8_t index, const char *rest, const void *value, size_t len);

/* Appends the entry for one attribute with its full name ("user.x"): 1; 0 when the image does not carry it (host-only,
 * or of a namespace that EROFS lacks); -1 when it is too large for the format. */
int xattr_encode(struct buf *out, const char *name, const void *value, size_t len, struct err *err);

/* Appends all attributes of the file at path, not following a symlink, sorted by name.  0 or -1. */
int xattr_read(struct buf *out, const char *path, struct err *err);

#endif
