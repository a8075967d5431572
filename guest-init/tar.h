/* Archives as `ctr-jailer cp` sends and gets them: POSIX pax interchange format (POSIX.1-2017, pax), with
 * owners as numbers, times in nanoseconds, and extended attributes as SCHILY.xattr records, as GNU tar and
 * bsdtar have them. */
#ifndef CTR_INIT_TAR_H
#define CTR_INIT_TAR_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

/* The ustar header: octal digits as text. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

/* The sum of its bytes, with the checksum's own as spaces. */
uint32_t tar_checksum(const struct tar_header *h);

/* Writes member of the folder dir ("." is all that is in it) to out, with all that is below it.  -1 with err;
 * what cannot be read is told on stderr and left out, which *incomplete says. */
int tar_pack(int out, const char *dir, const char *member, bool *incomplete, struct err *err);

/* Unpacks what comes from in, to its end, into the folder dir.  It also reads GNU's long names, but no sparse
 * members.  What is in the way is replaced, except a folder. */
int tar_unpack(int in, const char *dir, struct err *err);

#endif
