/* The guest's settings (common/settings.h), from the plan and from what the stages before have made. */
#ifndef CTR_ENTRY_SETTINGS_H
#define CTR_ENTRY_SETTINGS_H

#include "common/buf.h"
#include "common/err.h"
#include "entry/drives.h"
#include "netsetup/netsetup.h"

struct settings_plan {
    enum rootfs_format rootfs;
    const char *user; /* NULL: root */
    const char *workdir;
    bool tty; /* the command gets a terminal, of the size of ours */
};

/* Appends them to out: NAME=value strings, each with its NUL.  link may be NULL: no network.  -1 without
 * memory. */
int settings_make(const struct settings_plan *plan, const struct net_link *link, struct buf *out, struct err *err);

/* The container's resolv.conf for the guest: nameservers on loopback addresses are the container's own and
 * are left out.  Apart for its test. */
void settings_resolv(const char *text, struct buf *out);

#endif
