/* The NUL-separated lists that entry leaves in the initramfs. */
#ifndef CTR_INIT_LISTS_H
#define CTR_INIT_LISTS_H

#include "common/err.h"

/* Reads the file and removes it.  A NULL-terminated array of its strings, which the caller may keep for
 * good.  NULL with err. */
char **lists_take(const char *path, struct err *err);

/* The value of NAME in NAME=value strings, or NULL. */
const char *lists_value(char *const *list, const char *name);

#endif
