/* /proc/self/mountinfo (proc_pid_mountinfo(5)). */
#ifndef CTR_MOUNTINFO_H
#define CTR_MOUNTINFO_H

#include <stdbool.h>

struct mountinfo {
    const char *root;  /* the mounted part of the filesystem: "/" is all of it */
    const char *point; /* where */
    const char *type;  /* of the filesystem: "ext4" */
};

/* Takes the first line of *text, which is changed in place and moved on; names are unescaped.  Skips malformed lines.
 * False at the end. */
bool mountinfo_next(char **text, struct mountinfo *m);

/* Whether the filesystem shows or controls this machine's kernel, and holds no user data: proc, sysfs, devices and the
 * like. */
bool mountinfo_is_kernels(const struct mountinfo *m);

#endif
