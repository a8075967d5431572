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
    const char *init; /* the init system that the command is, and so PID 1; NULL: none */
    bool tty;         /* the command gets a terminal, of the size of ours */
};

/* Appends them to out: NAME=value strings, each with its NUL.  link may be NULL: no network.  -1 without
 * memory. */
int settings_make(const struct settings_plan *plan, const struct net_link *link, struct buf *out, struct err *err);

/* The first nameserver of the container's resolv.conf that only this host reaches, such as Docker's
 * 127.0.0.11 or systemd-resolved's 127.0.0.53; unchanged when there is none. */
void settings_local_resolver(struct in_addr *resolver);

/* The container's resolv.conf for the guest: in place of the first nameserver that only the container
 * reaches stands relay (NULL: none), and the others like it are left out.  Apart for its test. */
void settings_resolv(const char *text, const char *relay, struct buf *out);

/* The lines of the container's hosts(5) that hold in the guest too, such as those of `docker run --add-host`:
 * not its own name's, and no address that means the machine itself or comes in every file. */
void settings_hosts(const char *text, const char *hostname, struct buf *out);

#endif
