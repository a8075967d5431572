/* The uids that are in use: a VM's uids must be nobody else's. */
#ifndef CTR_UIDS_H
#define CTR_UIDS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a process that we see, an account or group, or a range of subordinate ids (subuid(5), subgid(5)) has it. */
bool uids_taken(uid_t uid);

#endif
