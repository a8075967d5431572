/* Files that a guest may not leave on the host: those that run with the rights of another user or group. */
#ifndef CTR_SHARE_MODES_H
#define CTR_SHARE_MODES_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a file with that mode (its type too) would give its owner's or its group's rights to whoever runs it: root's,
 * or those of a group such as shadow or docker, or of another user. */
bool mode_gives_rights(mode_t mode);

#endif
