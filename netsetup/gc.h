/* Removal by mark: what carries a VM's id in this network namespace, wherever it came from. */
#ifndef CTR_NETSETUP_GC_H
#define CTR_NETSETUP_GC_H

#include "common/err.h"
#include "netsetup/fw.h"
#include "netsetup/netsetup.h"

/* Removes a VM's rules of one address family, or all it has.  The caller holds the claim on the id.  0, or -1 with the
 * first error; the rest is tried all the same. */
int gc_rules(const char *id, int family, struct err *err);
int gc_vm(const char *id, struct err *err);

/* gc_vm by the one who made it, and knows the rules of IPv4 and IPv6: quicker, and may leave a thread behind
 * (link_delete_start). */
int gc_own(const char *id, const struct fw_made *made, const struct fw_made *made6, struct err *err);

/* One VM's marks. */
struct gc_found {
    char id[NET_ID_MAX + 1];
    bool alive; /* somebody holds the claim */
    unsigned taps, rules;
};

/* Calls each for every VM that anything here carries the id of.  0, or -1 with err. */
int gc_list(void (*each)(const struct gc_found *vm, void *data), void *data, struct err *err);

/* What a look through everything came to. */
struct gc_result {
    const struct net_ports *ports; /* asked about; may be NULL */
    struct err taken;              /* why they cannot be had, when a rule of others' turns one elsewhere */
    unsigned removed;              /* VMs */
    struct fw_place place, place6; /* for rules of IPv4 and IPv6; known when nothing was removed */
};

/* Removes everything of every VM whose claim nobody holds, and of `self` (may be NULL), whose claim the caller
 * holds; what cannot be removed is told as a warning.  0, or -1 with err when there was no looking. */
int gc_all(const char *self, struct gc_result *result, struct err *err);

#endif
