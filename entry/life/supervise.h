/* From the VM's start to its end: connects the command in the guest to this process, so that this process behaves like
 * the command. */
#ifndef CTR_SUPERVISE_H
#define CTR_SUPERVISE_H

#include "common/err.h"
#include "entry/life/servers.h"
#include "entry/life/shares.h"
#include "entry/life/status.h"
#include "entry/vmm/vmm.h"

#include <stdbool.h>

struct supervise_plan {
    const char *id;        /* the VM's */
    unsigned boot_timeout; /* seconds; 0: none */
    unsigned stop_timeout; /* seconds */
    int stop_signal;       /* the signal that the command gets for a SIGTERM */
    uint64_t mem_mib;      /* the guest's memory */
    uint64_t mem_min_mib;  /* what it keeps when idle; 0: all */
    bool tty;              /* the command has a terminal, ours */
    bool init;             /* it is an init system */
};

struct supervise_fds {
    int signals;  /* a signalfd of what is to reach the command */
    int listener; /* of the guest channel; becomes supervise's */
    int control;  /* of the local control socket; becomes supervise's */
    int console;  /* the VMM's output */
    int log;      /* its log */
    int metrics;  /* its metrics */
    int report;   /* failure_explain reads it when the VMM has ended */
    int jail_end; /* readable when the VMM has ended */
    struct file_server servers[SERVERS_MAX];
    unsigned server_count;
    struct share_ends shares;
};

/* Returns when the VM has ended or is no longer needed: the command's exit code 0..255, or -1 with err.  vmm and
 * settings (common/settings.h), which the guest gets once it has connected, become supervise's.  *reason: what ended
 * it. */
int supervise(const struct supervise_plan *plan, struct vmm *vmm, struct supervise_fds *fds,
              const struct status_facts *facts, struct buf *settings, enum status_reason *reason, struct err *err);

#endif
