/* Packs files into an archive (tar.h). */
#ifndef CTR_PACK_H
#define CTR_PACK_H

#include "common/err.h"

#include <stdbool.h>

/* Writes member of the directory dir (".": its whole content) to out, with everything below it.  A `name` other than ""
 * replaces the member's.  Changes the working directory.  -1 with err.  Files that cannot be read are reported on
 * stderr and left out, and *incomplete says so. */
int tar_pack(int out, const char *dir, const char *member, const char *name, bool *incomplete, struct err *err);

#endif
