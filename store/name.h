/* Names of kernels and images. */
#ifndef CTR_STORE_NAME_H
#define CTR_STORE_NAME_H

#include "common/err.h"

enum store_kind { STORE_KERNELS, STORE_IMAGES, STORE_KINDS };

/* How the store writes a name that the user gave: a kernel's as it is, an image's with the tag `latest` if it has none,
 * as docker does.  -1 with err if it is not a name. */
enum { NAME_SIZE = 256 }; /* the longest name of a file (NAME_MAX), and a NUL */
int name_parse(enum store_kind kind, const char *text, char name[NAME_SIZE], struct err *err);

#endif
