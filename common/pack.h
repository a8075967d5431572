/* Packs files into an archive (tar.h). */
#ifndef CTR_PACK_H
#define CTR_PACK_H

#include "common/err.h"

#include <stdbool.h>

/* Writes member of the folder dir ("." is all that is in it) to out, with all that is below it, and with `name` in
 * the member's place unless that is "".  Changes the working directory.  -1 with err; what cannot be read is told on
 * stderr and left out, which *incomplete says. */
int tar_pack(int out, const char *dir, const char *member, const char *name, bool *incomplete, struct err *err);

#endif
