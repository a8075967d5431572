/* What the user asked for.  A row of one table says everything of a variable: its names, its default, which values are
 * allowed, which field of the plan gets the value, and its key in --dry-run.  --help and the table of docs/options.md
 * come from the row, too.  What fields come to that depend on each other or on the host is plan.c's business. */
#ifndef CTR_OPTIONS_H
#define CTR_OPTIONS_H

#include "common/buf.h"
#include "common/err.h"
#include "entry/plan/refusals.h"
#include "entry/plan/values.h"

#include <stdbool.h>
#include <stdio.h>

enum option {
    OPT_ROOTFS_DIR,
    OPT_ROOTFS_FORMAT,
    OPT_ROOTFS_SIZE,
    OPT_ROOTFS_READONLY,
    OPT_DATA_DIR,
    OPT_DATAFS_SIZE,
    OPT_DATA_MOUNT,
    OPT_VOLUMES,
    OPT_SCRATCH_DIR,
    OPT_DISK_BANDWIDTH,
    OPT_DISK_OPS,
    OPT_VCPU_COUNT,
    OPT_MEM_SIZE_MIB,
    OPT_MEM_MIN_MIB,
    OPT_MEM_RECLAIM,
    OPT_CPU_TEMPLATE,
    OPT_CGROUP,
    OPT_NETWORK,
    OPT_PORTS,
    OPT_HOST_ACCESS,
    OPT_GUEST_ACCESS,
    OPT_NET_BANDWIDTH,
    OPT_NET_OPS,
    OPT_TAP_IP,
    OPT_TAP_DEVICE,
    OPT_GUEST_IP,
    OPT_GUEST_MAC,
    OPT_HOST_IFACE,
    OPT_KERNEL_IMAGE,
    OPT_INITRD_IMAGE,
    OPT_KERNEL_BOOT_ARGS,
    OPT_EXTRA_KERNEL_BOOT_ARGS,
    OPT_FIRECRACKER_BIN,
    OPT_JAILER_BIN,
    OPT_JAIL_BASE,
    OPT_VM_ID,
    OPT_USER,
    OPT_WORKDIR,
    OPT_INIT,
    OPT_SYSCTLS,
    OPT_STOP_SIGNAL,
    OPT_STOP_TIMEOUT,
    OPT_BOOT_TIMEOUT,
    OPT_HEALTHCHECK_CMD,
    OPT_LOG_LEVEL,
    OPT_COUNT
};

enum action { ACTION_RUN, ACTION_DRY_RUN, ACTION_CHECK_KVM, ACTION_PURGE, ACTION_HELP, ACTION_VERSION };

struct options {
    enum action action;
    const char *value[OPT_COUNT]; /* as given, else the default, else NULL; not owned */
    char **command;               /* the command and its arguments, NULL-terminated; not owned */
    struct buf environment;       /* the guest's: NAME=value strings, each with its NUL; owned */
};

/* Reads argv and env (both outlive *o).  -1 on an unknown flag, or without memory. */
int options_read(struct options *o, char **argv, char **env, struct err *err);
void options_free(struct options *o);

/* The variable's name, as users write it. */
const char *option_name(enum option option);

/* The option that a variable's name (or alias) stands for; OPT_COUNT: none. */
enum option options_find(const char *name);

struct json;
struct plan;

/* Converts the values as their rows say, and stores them in the plan, a zeroed one; refuses those that do not fit. */
void options_judge(const struct options *o, struct plan *plan, struct refusals *refused);

/* Writes the plan's values of the options first to last, those that have a key, as members of a JSON object. */
void options_print(const struct plan *plan, enum option first, enum option last, struct json *j);

/* Whether it has another value than its default. */
bool option_given(const struct options *o, enum option option);

/* Sets err to the variable, its value and what is accepted.  Always -1. */
int option_refuse(struct err *err, const struct options *o, enum option option, const char *accepted);

/* Prints the manual to out. */
void options_help(FILE *out);

#endif
