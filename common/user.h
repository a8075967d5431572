/* A command's user, from the image's own /etc/passwd and /etc/group. */
#ifndef CTR_USER_H
#define CTR_USER_H

#include "common/err.h"

#include <stddef.h>
#include <sys/types.h>

enum { USER_GROUPS_MAX = 256, USER_FILE_MAX = 4 << 20 /* bytes of passwd or group */ };

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[USER_GROUPS_MAX]; /* supplementary */
    size_t group_count;
    char home[256];
};

/* Resolves "name", "uid", either with ":group" or ":gid", and then with ":gid,gid,..." (supplementary); "" is root. The
 * two texts are the files' contents ("" when missing).  Follows Docker: an empty half counts as not given; a number
 * is never a name, needs no entry, and without one has group 0 and home /; the supplementary groups are those of the
 * named user, unless a group or a list of them is given.  -1 with err for an unknown name. */
int user_find(const char *spec, const char *passwd, const char *group, struct user *user, struct err *err);

#endif
