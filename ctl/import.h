/* Images of other tools, into the store. */
#ifndef CTR_CTL_IMPORT_H
#define CTR_CTL_IMPORT_H

#include "common/err.h"
#include "store/store.h"

/* Unpacks the image in source, seals it, and gives it the name.  source: an archive of docker or OCI, an OCI layout, or
 * one of these as skopeo names it (containers-transports(5)).  -1 with err: the store is as before. */
int import_image(const struct store *s, const char *source, const char *name, struct stored *out, struct err *err);

#endif
