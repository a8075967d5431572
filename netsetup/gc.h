/* Removal by mark: what carries a VM's id in this network namespace, wherever it came from. */
#ifndef CTR_NETSETUP_GC_H
#define CTR_NETSETUP_GC_H

#include "common/err.h"
#include "netsetup/fw.h"
#include "netsetup/netsetup.h"

#include <stdbool.h>

/* Removes the rules of one address family that carry a mark (netsetup/claim.h), or all that does.  The caller holds the
 * claim on it.  0, or -1 with the first error; the rest is tried all the same. */
int gc_rules(const char *mark, int family, struct err *err);
int gc_vm(const char *mark, struct err *err);

/* gc_vm by the one who made it, and knows the rules of IPv4 and IPv6: quicker, and may leave a thread behind
 * (link_delete_start). */
int gc_own(const char *mark, const struct fw_made *made, const struct fw_made *made6, struct err *err);

/* What one VM has. */
struct gc_found {
    char mark[NET_MARK_MAX + 1];
    bool alive;    /* root holds the claim on it */
    bool squatted; /* somebody else does */
    unsigned taps, rules;
};

/* Is this a mark of a VM with that id? */
bool gc_is_of(const char *mark, const char *id);

/* Calls each for every VM that anything here carries the mark of.  0, or -1 with err. */
int gc_list(void (*each)(const struct gc_found *vm, void *data), void *data, struct err *err);

/* What a look through everything came to. */
struct gc_result {
    const struct net_ports *ports; /* asked about; may be NULL */
    const char *id;                /* the same */
    bool id_lives;                 /* a VM that has it */
    struct err taken;              /* why they cannot be had, when a rule of others' turns one elsewhere */
    unsigned removed;              /* VMs */
    struct fw_place place, place6; /* for rules of IPv4 and IPv6; known when nothing was removed */
};

/* Removes everything of every VM whose claim root does not hold; what cannot be removed is told as a warning.  0, or -1
 * with err when there was no looking. */
int gc_all(struct gc_result *result, struct err *err);

/* The same for the VMs of one id; refused when one lives. */
int gc_id(const char *id, struct err *err);

#endif
