/* Copies a file into the store. */
#ifndef CTR_STORE_COPY_H
#define CTR_STORE_COPY_H

#include "store/sha256.h"

/* Reads the file from, from its start to its end, and calculates its digest.  Writes it to the empty file to, unless to
 * is -1; stretches of zeros become holes.  -1 with errno. */
int copy_in(int from, int to, char digest[SHA256_TEXT]);

#endif
