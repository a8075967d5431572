/* Removes, by its mark, everything in this network namespace that carries a VM's id, whoever made it. */
#ifndef CTR_NETSETUP_GC_H
#define CTR_NETSETUP_GC_H

#include "common/err.h"
#include "netsetup/fw.h"
#include "netsetup/fwrestore.h"
#include "netsetup/netplan.h"

#include <stdbool.h>

/* gc_rules removes the rules of one address family that carry a mark (netsetup/claim.h), gc_vm everything that carries
 * it.  The caller holds the claim on the mark.  0, or -1 with the first error; the rest is tried all the same. */
int gc_rules(const char *mark, int family, struct err *err);
int gc_vm(const char *mark, struct err *err);

/* gc_vm for the process that made the VM's network and knows its IPv4 and IPv6 rules: quicker, but may leave a thread
 * running (link_delete_start). */
int gc_own(const char *mark, const struct fw_made *made, const struct fw_made *made6, struct err *err);

/* What one VM has. */
struct gc_found {
    char mark[NET_MARK_MAX + 1];
    bool alive;    /* root holds the claim on it */
    bool squatted; /* somebody else does */
    unsigned taps, rules, ties;
    bool bounded; /* by its own chain (rules.h), to these devices, which may be named twice */
    char out[2 * UPLINKS_MAX][IFNAMSIZ];
    size_t out_count;
};

/* Is this a mark of a VM with that id? */
bool gc_is_of(const char *mark, const char *id);

/* Calls each for every VM whose mark something in this namespace carries.  0, or -1 with err. */
int gc_list(void (*each)(const struct gc_found *vm, void *data), void *data, struct err *err);

/* The result of a full clean-up. */
struct gc_result {
    const struct net_ports *ports; /* asked about; may be NULL */
    const char *id;                /* the same */
    bool id_lives;                 /* a VM that has it */
    struct err taken;              /* why they are not available, when another program's rule redirects one */
    unsigned removed;              /* VMs */
    struct fw_place place, place6; /* for rules of IPv4 and IPv6; known when nothing was removed */
};

/* Removes everything of every VM whose claim root does not hold; warns about everything that cannot be removed. 0, or
 * -1 with err if it could not search at all. */
int gc_all(struct gc_result *result, struct err *err);

/* The same for the VMs of one id; refused when one lives. */
int gc_id(const char *id, struct err *err);

#endif
