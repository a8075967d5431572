/* Drops root's privileges once they are no longer needed (capabilities(7)). */
#ifndef CTR_PRIVILEGE_H
#define CTR_PRIVILEGE_H

#include <linux/capability.h>
#include <stdint.h>
#include <sys/types.h>

/* A set of capabilities, one bit for each; the bits' numbers are CAP_... */
#define PRIVILEGE(cap) (UINT64_C(1) << (cap))

/* The capabilities that this process has now. */
uint64_t privilege_held(void);

/* The capability of this process that lets it read every user's files: CAP_DAC_READ_SEARCH, which a container usually
 * lacks, or CAP_DAC_OVERRIDE. */
uint64_t privilege_reading(void);

/* No program that is executed from now on can have more than these capabilities, whatever its file grants.  Reducing
 * the bounding set needs CAP_SETPCAP; without it, no_new_privs has the same effect but is less visible. */
void privilege_bound(uint64_t most);

/* From now on, this process and everything that it starts keeps only these of its capabilities; its user stays the
 * same. -1 with errno. */
int privilege_keep(uint64_t kept);

/* Makes this thread's permitted capabilities effective again, after it was root for file systems (setfsuid(2)). -1 with
 * errno. */
int privilege_regain(void);

/* Makes this process a user of its own: uid and gid are uid, without other groups.  Of its capabilities, it keeps only
 * those in kept, and can gain no others.  -1 with errno: some of it failed. */
int privilege_drop(uid_t uid, uint64_t kept);

/* The same in a child that will run a program, which keeps those capabilities. */
int privilege_drop_for_program(uid_t uid, uint64_t kept);

#endif
