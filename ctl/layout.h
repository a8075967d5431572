/* What skopeo is to read, before it opens any of it: skopeo would wait for the writer of a FIFO, and read a device
 * without end. */
#ifndef CTR_CTL_LAYOUT_H
#define CTR_CTL_LAYOUT_H

#include "common/err.h"

/* path is an archive, or a directory in which all files are regular, also where links lead.  -1 with err. */
int layout_check(const char *path, struct err *err);

#endif
