/* The stage of a Dockerfile that makes a microVM of an image, with the image's own settings in it. */
#ifndef CTR_CTL_WRAP_H
#define CTR_CTL_WRAP_H

#include "common/buf.h"
#include "common/err.h"

/* inspected is what `docker inspect IMAGE` prints, NUL-terminated.  from: the stage or image that is copied from; NULL:
 * the image by its own name.  Appends the stage to out, and to omitted one line for each setting that a Dockerfile
 * cannot hold.  -1 with err. */
int wrap_stage(const char *inspected, size_t len, const char *from, struct buf *out, struct buf *omitted,
               struct err *err);

#endif
