/* Reads an engine's bundle, and makes ours in it: BUNDLE/ctr-jailer/config.json.  It goes with the engine's. */
#ifndef CTR_OCI_BUNDLE_H
#define CTR_OCI_BUNDLE_H

#include "common/err.h"
#include "oci/arguments.h"
#include "oci/conf.h"

#include <limits.h>

/* Writes ours; path becomes its directory.  What the VM does not get is reported.  -1 with err. */
int bundle_make(const struct arguments *a, const struct conf *c, const char *scratch, char path[PATH_MAX],
                struct err *err);

/* A file in memory with the process of `exec --process`, rewritten; path becomes a name that this process and what it
 * becomes can open.  -1 with err. */
int bundle_process(const struct arguments *a, char path[PATH_MAX], struct err *err);

#endif
