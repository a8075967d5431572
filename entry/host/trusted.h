/* Folders that root makes files in by name. */
#ifndef CTR_TRUSTED_H
#define CTR_TRUSTED_H

#include "common/err.h"

/* Whether only root can put something else in the place of any component of path, which is absolute: each, and each
 * symbolic link on the way, is root's, and nobody else writes to it, unless it is sticky as /tmp is.  What is not there
 * yet is for the caller to make, who then asks again.  option=value, where the path comes from, is named in the error.
 * 0, or -1 with err. */
int trusted_path(const char *option, const char *value, const char *path, struct err *err);

#endif
