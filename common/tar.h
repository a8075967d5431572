/* Archives as `ctr-jailer cp` sends and gets them: POSIX pax interchange format (POSIX.1-2017, pax), with
 * owners as numbers, times in nanoseconds, and extended attributes as SCHILY.xattr records, as GNU tar and
 * bsdtar have them.  Here: the format, and its reader; pack.h and unpack.h are about files. */
#ifndef CTR_TAR_H
#define CTR_TAR_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { TAR_BLOCK = 512, TAR_PATH = 4096 };

/* The ustar header: octal digits as text. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

/* The sum of its bytes, with the checksum's own as spaces. */
uint32_t tar_checksum(const struct tar_header *h);

/* One member: its header's fields, overridden by the records before it.  Zero it before the first member; the caller
 * frees attributes at the end. */
struct tar_member {
    char type; /* as in the header; '0' for the NUL of old archives */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    dev_t rdev;
    uint64_t size; /* bytes of data after the header */
    struct timespec mtime;
    char path[TAR_PATH], link[TAR_PATH]; /* as in the archive: absolute, with .., anything */
    struct buf attributes;               /* name NUL u32 length value, each */
};

/* Reads the next member's headers: POSIX's and GNU's, but no sparse members.  1; 0 at the end; -1 with err.  The
 * caller then takes all of the member's data. */
int tar_next(int in, struct tar_member *m, struct err *err);

/* Takes exactly len bytes of the data.  -1 with err. */
int tar_take(int in, void *data, size_t len, struct err *err);

/* Takes the padding of the last block of a member of so many bytes.  -1 with err. */
int tar_take_padding(int in, uint64_t size, struct err *err);

#endif
