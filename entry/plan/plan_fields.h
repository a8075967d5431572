/* The plan itself: what its makers (options.c from each option's row, then plan.c and the other plan_*.c) fill in, and
 * the stages of a start read. */
#ifndef CTR_PLAN_FIELDS_H
#define CTR_PLAN_FIELDS_H

#include "common/buf.h"
#include "entry/disks/drives.h"
#include "entry/disks/settings.h"
#include "entry/host/cgroup.h"
#include "entry/host/jail.h"
#include "entry/host/workdir.h"
#include "entry/life/supervise.h"
#include "entry/vmm/vmm.h"
#include "netsetup/netplan.h"
#include "netsetup/parse.h"
#include "netsetup/takeover.h"

/* In the order of VM_NETWORK's choices.  A plan that is made has one of the first three. */
enum plan_network { NETWORK_NAT, NETWORK_TAKEOVER, NETWORK_NONE, NETWORK_AUTO };

/* In the order of VM_INIT's choices: whether the command is PID 1. */
enum plan_init { PLAN_INIT_YES, PLAN_INIT_NO, PLAN_INIT_AUTO };

/* Firecracker's limit (docs and src of v1.12: MAX_SUPPORTED_VCPUS), and the least memory that a guest boots with. */
enum { PLAN_VCPUS_MAX = 32, PLAN_MEM_LEAST_MIB = 64 };

struct plan {
    char id[65];
    uid_t supervisor; /* this process's uid once the VM runs */
    char boot_args[2048];
    const char *kernel_args, *extra_args; /* what boot_args is made of; NULL: not given */
    enum plan_init init;                  /* as asked for; supervise.init is the decision */
    char workdir_default[4096];           /* the container's working directory */
    struct buf command;                   /* arguments, each with its NUL */
    struct buf sysctls;                   /* NAME=value strings, each with its NUL */
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

#endif
