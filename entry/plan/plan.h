/* The decisions about a run: every value checked and sized, one part for each stage.  Const once made; everything that
 * can be refused without changing the host is refused here. */
#ifndef CTR_PLAN_H
#define CTR_PLAN_H

#include "common/err.h"
#include "entry/disks/drives.h"
#include "entry/disks/settings.h"
#include "entry/host/cgroup.h"
#include "entry/host/jail.h"
#include "entry/host/workdir.h"
#include "entry/life/supervise.h"
#include "entry/plan/options.h"
#include "entry/plan/resources.h"
#include "entry/vmm/vmm.h"
#include "netsetup/netplan.h"
#include "netsetup/parse.h"
#include "netsetup/takeover.h"

#include <stdio.h>

/* In the order of VM_NETWORK's choices.  A plan that is made has one of the first three. */
enum plan_network { NETWORK_NAT, NETWORK_TAKEOVER, NETWORK_NONE, NETWORK_AUTO };

struct plan {
    char id[65];
    uid_t supervisor; /* this process's uid once the VM runs */
    char boot_args[2048];
    char workdir_default[4096]; /* the container's working directory */
    struct buf command;         /* arguments, each with its NUL */
    struct buf sysctls;         /* NAME=value strings, each with its NUL */
    struct cgroup_plan cgroup;
    struct workdir_plan workdir;
    struct drives_plan drives;
    struct settings_plan guest;
    enum plan_network network;
    struct net_plan net;        /* for nat */
    struct takeover_plan taken; /* for takeover */
    const char *api_socket;     /* its name in the jail's /run */
    struct jail_plan jail;      /* dir is known later */
    struct vmm_plan vmm;        /* drives, tap and mac are known later */
    struct supervise_plan supervise;
    const char *healthcheck; /* a command for the guest's shell; NULL: none */
};

/* Judges o, which must outlive the plan.  -1 with all refusals: each names the variable, its value and what is
 * accepted.  Call plan_free then too. */
int plan_make(struct options *o, const struct resources *r, struct plan *plan, struct refusals *refused);

/* Chooses the VM's users again, when another VM has claimed them (netsetup/claim.h).  -1 with err. */
int plan_draw_uids(struct plan *plan, struct err *err);

/* nat, takeover or none. */
const char *plan_network_name(const struct plan *plan);

/* As JSON, for --dry-run.  -1 with err. */
int plan_print(const struct plan *plan, FILE *out, struct err *err);

void plan_free(struct plan *plan);

#endif
