/* The host's packet filter.
 *
 * It can have two backends: iptables-nft keeps its rules in nf_tables, iptables-legacy in the kernel's older tables,
 * and both sets are in force at once.  A packet passes only if neither refuses it.
 *
 * A start reads both backends, for each address family, before it adds anything (fw_scan).  One reading answers four
 * questions: which rules carry our comment, and so belong to VMs that may be dead (gc.h); which backend our rules
 * belong in (fw_choose); where in FORWARD they go, after the user's own DOCKER-USER; and which ports another program's
 * NAT rules would take first (portclaim.h).  The reading goes to the kernel, by netlink and getsockopt, and not to
 * iptables-save: that takes 2 ms a table, and creates the older tables in a namespace that has none.
 *
 * Rules are added by iptables-restore, which holds iptables' lock.  A removal names what a scan saw: handles in
 * nf_tables, the rules' own text in the older tables.  Other programs may change the tables between scan and removal.
 * A backend refuses the whole removal when one of its rules is gone, so fw_remove scans again and removes what is left.
 *
 * The files, from the bottom: fwscan (what is known), fwrestore (adding), nft and legacy (reading and removing in one
 * backend), fw (choosing and removing in either). */
#ifndef CTR_NETSETUP_FW_H
#define CTR_NETSETUP_FW_H

#include "common/err.h"
#include "netsetup/fwscan.h"

#define cleanup_fw_scan __attribute__((cleanup(fw_scan_free)))
void fw_scan_free(struct fw_scan *scan);

/* A kernel without that backend holds no rules.  0, or -1 with err. */
int fw_scan(struct fw_scan *scan, enum fw_backend backend, int family, struct err *err);

/* Which of the two backends our rules belong in. */
enum fw_backend fw_choose(const struct fw_scan *nft, const struct fw_scan *legacy);

/* Where our rules of one address family go. */
struct fw_place {
    bool known;
    enum fw_backend backend;
    unsigned forward_at; /* the position in FORWARD after the user's own rules, counted from 1 */
};
struct fw_place fw_find_place(const struct fw_scan *nft, const struct fw_scan *legacy);

/* Removes our rules of one VM that the scan saw.  Rules that have disappeared meanwhile are no error.  0, or -1 with
 * err. */
int fw_remove(struct fw_scan *scan, const char *mark, struct err *err);

#endif
