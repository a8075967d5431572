/* Adding rules: iptables-restore of one backend and address family. */
#ifndef CTR_NETSETUP_FWRESTORE_H
#define CTR_NETSETUP_FWRESTORE_H

#include "common/buf.h"
#include "common/err.h"
#include "common/run.h"
#include "netsetup/fwscan.h"

/* Rules that are being added, and then the rules added; all zeros: none. */
struct fw_made {
    enum fw_backend backend;
    int family;
    struct run run;  /* iptables-restore, while it works */
    struct buf text; /* what it was fed; owned */
};

/* Starts iptables-restore, which changes nothing before it gets its input; then feeds it rules to add, and waits.  0,
 * or -1 with err.  Call fw_made_free in the end. */
int fw_start(struct fw_made *made, enum fw_backend backend, int family, struct err *err);
int fw_add(struct fw_made *made, struct err *err);

/* Removes the rules that fw_add added, without a scan.  Gives up if one of them is gone: then a scan tells what is
 * left. */
void fw_take_back(const struct fw_made *made);
void fw_made_free(struct fw_made *made);

/* Feeds text to iptables-restore, and keeps the rules that are there.  0, or -1 with err. */
int fw_restore(enum fw_backend backend, int family, const char *text, struct err *err);

#endif
