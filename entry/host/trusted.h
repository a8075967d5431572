/* Directories in which root creates files by name. */
#ifndef CTR_TRUSTED_H
#define CTR_TRUSTED_H

#include "common/err.h"

/* Whether only root can replace any component of path, which is absolute: every component, and every symbolic link on
 * the way, must belong to root, and nobody else may write to it, unless it is sticky like /tmp.  If the end of the path
 * does not exist yet, the caller creates it and asks again.  option=value, where the path comes from, is named in the
 * error. 0, or -1 with err. */
int trusted_path(const char *option, const char *value, const char *path, struct err *err);

#endif
