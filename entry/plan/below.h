/* Whether a path lies in another. */
#ifndef CTR_BELOW_H
#define CTR_BELOW_H

/* The rest of path below dir, ignoring dir's trailing slashes: "" if path is dir itself, NULL if it lies elsewhere.
 * Both are absolute; names are compared as they are. */
const char *below(const char *path, const char *dir);

#endif
