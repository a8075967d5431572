/* The backend of iptables-legacy. */
#ifndef CTR_NETSETUP_LEGACY_H
#define CTR_NETSETUP_LEGACY_H

#include "common/err.h"
#include "netsetup/fwscan.h"

/* Reads all rules into scan, which says backend and family.  0, or -1 with err. */
int legacy_scan(struct fw_scan *scan, struct err *err);

/* Tries once to remove the rules with this mark.  Starts no program unless the scan saw one of them. */
int legacy_remove(const struct fw_scan *scan, const char *mark, struct err *err);

/* Reads one of the older tables, which must exist: reading a missing table would create it. */
int xtables_scan(struct fw_scan *scan, const char *table, struct err *err);

#endif
