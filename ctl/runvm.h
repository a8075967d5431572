/* The request of `run`: its flags, and the variables and the command that entry gets from them. */
#ifndef CTR_CTL_RUNVM_H
#define CTR_CTL_RUNVM_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/cninet.h"

#include <stdbool.h>
#include <stddef.h>

struct list {
    const char **items; /* of this process's arguments, or allocated for as long as it lives */
    size_t count;
    bool failed;
};

/* Without memory, or without the item, the list has failed. */
void list_add(struct list *l, const char *item);

struct run_vm {
    const char *image, *kernel, *entrypoint, *hostname;
    const char *root, *cache;       /* --root, --run-cache; NULL: not given */
    const char *profile, *profiles; /* --profile, --profile-conf-dir; NULL: not given */
    const char *store, *records;    /* the directories, from run_profile on */
    const char *kernels;            /* a directory of kernels by their ids, which comes before the store; or NULL */
    struct list sources;            /* NAME: and where its value comes from, a later one wins */
    bool interactive, terminal, dry, detached, remove;
    struct cninet net;
    struct list files, environment; /* NAME=value of --env-file, and of --env, a later one wins */
    struct buf ports, volumes;      /* lists with commas */
    struct list command;
    size_t words; /* of the command that are entry's own */
};

/* Takes the flags, up to the image, or a -- where --from has named it.  Options of entry's are set in this process's
 * environment.  Returns what is left, the command; or NULL with err. */
char **run_flags(struct run_vm *r, char **arg, struct err *err);

/* Adds the variables of a file as docker's --env-file has it to r->files.  -1 with err. */
int run_env_file(struct run_vm *r, const char *path, struct err *err);

/* Adds a variable: NAME=VALUE, or the NAME of a variable of this process, which is skipped if it is not set.  -1 with
 * err, in which the words what are. */
int run_add_variable(struct list *to, const char *what, const char *value, struct err *err);

/* Sets an option of entry's, a variable of this process, unless it is set and must win.  from says where the value
 * comes from, for run_tell_sources.  -1 with err. */
int run_set(struct run_vm *r, const char *name, const char *value, const char *from, bool wins, struct err *err);

/* What the profile says, where neither a flag nor a variable does, and the directories of store and records.  -1 with
 * err. */
int run_profile(struct run_vm *r, struct err *err);

/* Sets VM_KERNEL_IMAGE to the kernel in r->kernels.  1; 0: there is none of that id; -1 with err. */
int run_kernel(struct run_vm *r, struct err *err);

/* Says on stderr, a line each, where the values of options and the directories come from. */
void run_tell_sources(const struct run_vm *r);

#endif
