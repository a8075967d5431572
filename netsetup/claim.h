/* Claims: names that one process at a time holds in a network namespace, and that end with it however it
 * ends.  An abstract UNIX socket (unix(7)) is exactly that.  Anybody may bind one, so a name counts only when root
 * holds it: whose it is, the kernel tells (sock_diag(7)); a kernel without CONFIG_UNIX_DIAG, or older than 5.3, does
 * not, and everybody's counts there. */
#ifndef CTR_NETSETUP_CLAIM_H
#define CTR_NETSETUP_CLAIM_H

#include "common/err.h"
#include "netsetup/netsetup.h"

/* The id of a VM, and the /30 around addr.  A descriptor, or -1 with errno (EADDRINUSE: root holds it).  When somebody
 * else does, a warning says who, and the descriptor holds nothing: what is claimed shows as a mark, or an address, soon
 * after, and has to be looked for there. */
int claim_id(const char *id);
int claim_subnet(struct in_addr addr);

/* Two uids from an even one on.  A descriptor, or -1 with errno (EADDRINUSE: try others). */
int claim_uids(uid_t first);

/* A mark: the id, and behind a `~` what no other VM has or will have, so that a mark whose name is free belongs to the
 * dead for ever.  A descriptor, or -1 with errno. */
int claim_new_mark(const char *id, char mark[NET_MARK_MAX + 1]);

/* A mark that was found; -1 with errno EADDRINUSE when somebody holds it. */
int claim_mark(const char *mark);

/* Calls found for each name of ours that somebody else than root holds, without the part that all have in common. */
void claim_strangers(void (*found)(void *arg, const char *name, uid_t uid), void *arg);

#endif
