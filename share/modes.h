/* Files that a guest may not leave on the host: those that run with the rights of another user or group. */
#ifndef CTR_SHARE_MODES_H
#define CTR_SHARE_MODES_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a file with that mode (its type too) would run as root, or with root's group, whoever starts it. */
bool mode_runs_as_root(mode_t mode, uid_t uid, gid_t gid);

/* The mode to make a file with.  Its group may become its folder's, not the maker's, by an option of the host's mount
 * (grpid, bsdgroups): so the set-group-id bit of a program is left to a later chmod. */
mode_t mode_to_make(mode_t mode);

#endif
