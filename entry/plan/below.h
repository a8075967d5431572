/* Whether a path lies in another. */
#ifndef CTR_BELOW_H
#define CTR_BELOW_H

/* What is left of path below dir, whose slashes at the end do not count: "" if it is dir itself, NULL if it lies
 * elsewhere.  Both are absolute; names are compared as they are. */
const char *below(const char *path, const char *dir);

#endif
