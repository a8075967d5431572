/* Claims: names that one process at a time holds in a network namespace until it ends, in whatever way.  Abstract UNIX
 * sockets (unix(7)) have these properties.  Any user may bind one, so a name counts only if root holds it.  The kernel
 * names the holder (sock_diag(7)).  A kernel without CONFIG_UNIX_DIAG, or older than 5.3, does not; there, every holder
 * counts.
 *
 * A start takes its claims in this order, each before it looks at what the claim protects:
 *   uids      (entry) while they are random, another pair is drawn until one is free
 *   id        one VM of an id at a time in this namespace; a start waits up to a second for one that is ending
 *   mark      new for each start, so nobody competes for it; what carries it is this VM's alone
 *             Now what dead VMs left is removed: nobody holds their marks, and no new mark can be one of theirs.
 *   subnet    the claim first, then a look at addresses and routes, and another look once the TAP has its address:
 *             other programs take no claim
 *   ports     bound sockets (portclaim.h), not names: other programs must meet them, too; all ports are one name
 * Only the id is waited for, and it is the first claim that two VMs can compete for, so no two VMs wait for each other.
 * The claims are released after what they protect is gone: ports, subnet, mark and id, uids.
 *
 * If a parent is killed while it starts a child, the child has the descriptors for a few milliseconds longer, until it
 * executes its program or closes them.  During that time, the dead VM counts as alive. */
#ifndef CTR_NETSETUP_CLAIM_H
#define CTR_NETSETUP_CLAIM_H

#include "common/err.h"
#include "netsetup/netplan.h"

/* The id of a VM, and the /30 around addr.  A descriptor, or -1 with errno (EADDRINUSE: root holds it).  When another
 * user holds it, a warning names that user, and the descriptor holds nothing.  The caller then has to look for another
 * VM's mark or address, which appears soon after that VM's claim. */
int claim_id(const char *id);
int claim_subnet(struct in_addr addr);

/* The uids of a VM (entry/host/jail.h), starting with `first`.  A descriptor, or -1 with errno (EADDRINUSE: try
 * others). */
int claim_uids(uid_t first);

/* claim_ports claims all ports of this namespace (VM_PORTS=all).  A descriptor, or -1 with errno (EADDRINUSE: another
 * VM has them).  claim_ports_held: whether root holds that claim. */
int claim_ports(void);
bool claim_ports_held(void);

/* A mark: the id, followed by `~` and a part that no other VM has or will have.  A mark that nobody claims therefore
 * belongs to a dead VM for ever.  A descriptor, or -1 with errno. */
int claim_new_mark(const char *id, char mark[NET_MARK_MAX + 1]);

/* Claims a mark that was found; -1 with errno EADDRINUSE when somebody holds it. */
int claim_mark(const char *mark);

/* What a VM holds for its life: its id, and a mark of its own. */
struct claim_vm {
    int id, mark; /* -1: none */
};
#define CLAIM_VM_NONE                                                                                                  \
    {                                                                                                                  \
        -1, -1                                                                                                         \
    }

/* Claims both; waits up to a second for a VM of the same id that is about to end. 0, or -1 with err; release it in
 * either case. */
int claim_vm(struct claim_vm *c, const char *id, char mark[NET_MARK_MAX + 1], struct err *err);
void claim_vm_release(struct claim_vm *c);

/* Calls found for each of our names that a user other than root holds, without the prefix that all names share. */
void claim_strangers(void (*found)(void *arg, const char *name, uid_t uid), void *arg);

#endif
