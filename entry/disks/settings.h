/* The guest's settings (common/settings.h), from the plan and from the results of the stages before.  They go to the
 * guest in one message and are never in a file, so that one read-only initramfs serves all VMs. */
#ifndef CTR_ENTRY_SETTINGS_H
#define CTR_ENTRY_SETTINGS_H

#include "common/buf.h"
#include "common/err.h"
#include "entry/disks/drives.h"
#include "netsetup/netplan.h"
#include "netsetup/takeover.h"

struct settings_plan {
    const struct buf *command;     /* arguments, each with its NUL */
    const struct buf *environment; /* NAME=value strings, each with its NUL */
    const struct drives_plan *drives;
    const char *user;    /* NULL: root */
    const char *workdir; /* NULL: workdir_default, if the guest has it, or else / */
    const char *workdir_default;
    const char *init;          /* the init system that the command is, and so PID 1; NULL: none */
    const struct buf *sysctls; /* NAME=value strings, each with its NUL */
    bool readonly;             /* the root, once everything is mounted */
    bool tty;                  /* the command gets a terminal, of the size of ours */
};

/* Appends them to out: NAME=value strings, each with its NUL.  link or taken or both are NULL: no network.
 * -1 with err: they are more than the guest takes. */
int settings_make(const struct settings_plan *plan, const struct net_link *link, const struct takeover *taken,
                  struct buf *out, struct err *err);

/* The nameservers of the container's resolv.conf that only this host reaches, such as Docker's 127.0.0.11,
 * systemd-resolved's 127.0.0.53 or Google's 169.254.169.254, in order; "" after the last. */
void settings_local_resolvers(char list[NET_DNS_SERVERS][NET_DNS_MAX]);

/* The same for a text.  Separate for its test. */
void settings_resolvers(const char *text, char list[NET_DNS_SERVERS][NET_DNS_MAX]);

/* The container's resolv.conf for the guest: relay (NULL: none) replaces the first nameserver that only the container
 * reaches, and the other such nameservers are left out.  Separate for its test. */
void settings_resolv(const char *text, const char *relay, struct buf *out);

#endif
