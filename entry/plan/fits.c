#include "entry/plan/fits.h"

#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/user.h"
#include "entry/plan/intree.h"
#include "entry/plan/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* src/vmm/src/cpu_config of Firecracker 1.12: the vendor that each template is for. */
static int check_template(const struct plan *plan, struct err *err)
{
    const char *name = plan->vmm.cpu_template, *wants = NULL;
    if (!name)
        return 0;
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(name, "V1N1") == 0)
        wants = "arm64";
    else if (strcmp(name, "T2A") == 0)
        wants = __builtin_cpu_is("amd") ? NULL : "AMD's";
    else
        wants = __builtin_cpu_is("intel") ? NULL : "Intel's";
#else
    wants = strcmp(name, "V1N1") == 0 ? NULL : "x86_64";
#endif
    return wants ? err_set(err, "VM_CPU_TEMPLATE=%s: is for another CPU than this machine's: %s", name, wants) : 0;
}

static int check_user(const struct plan *plan, struct err *err)
{
    struct user user;
    struct stat st;
    const struct drives_plan *d = &plan->drives;
    if (!plan->guest.user || lookup(d, "/etc/passwd", &st) == LOOKUP_UNKNOWN ||
        lookup(d, "/etc/group", &st) == LOOKUP_UNKNOWN)
        return 0;
    cleanup_free char *passwd = intree_read(d->rootfs, "/etc/passwd", USER_FILE_MAX);
    cleanup_free char *group = intree_read(d->rootfs, "/etc/group", USER_FILE_MAX);
    if (user_find(plan->guest.user, passwd ? passwd : "", group ? group : "", &user, err) == 0)
        return 0;
    err_hint(err, "VM_USER=%s", plan->guest.user);
    return -1;
}

static int check_workdir(const struct plan *plan, struct err *err)
{
    struct stat st;
    const char *path = plan->guest.workdir;
    enum lookup found = path && path[0] == '/' ? lookup(&plan->drives, path, &st) : LOOKUP_UNKNOWN;
    if (found == LOOKUP_MISSING)
        return err_sys(err, "VM_WORKDIR=%s: is not in the root filesystem", path);
    return found == LOOKUP_UNKNOWN || S_ISDIR(st.st_mode) ? 0 : err_set(err, "VM_WORKDIR=%s: is not a directory", path);
}

/* Whether a file can be executed, as far as the tree tells: 0, or errno. */
static int file_error(const struct plan *plan, const char *path)
{
    struct stat st;
    enum lookup found = lookup(&plan->drives, path, &st);
    if (found == LOOKUP_MISSING)
        return errno;
    return found == LOOKUP_UNKNOWN || (S_ISREG(st.st_mode) && (st.st_mode & 0111)) ? 0 : EACCES;
}

/* Searches like execvp(3) of the guest's init.  Paths that depend on the working directory are left to the guest. */
static int search_error(const struct plan *plan, const char *command)
{
    char path[4096];
    int error = ENOENT;
    for (const char *p = intree_search_path(plan->guest.environment);; p++) {
        size_t len = strcspn(p, ":");
        snprintf(path, sizeof(path), "%.*s/%s", (int)len, p, command);
        int here = *p == '/' ? file_error(plan, path) : 0;
        if (here != ENOENT && here != ENOTDIR)
            error = here;
        p += len;
        if (here == 0 || !*p)
            return error;
    }
}

/* The exit status is the one that the guest's init would report (guest-init/command.c). */
static int check_command(const struct plan *plan, struct err *err)
{
    const char *command = plan->command.data;
    int error = 0;
    if (command && command[0] == '/')
        error = file_error(plan, command);
    else if (command && !strchr(command, '/'))
        error = search_error(plan, command);
    if (!error)
        return 0;
    errno = error;
    err_sys(err, "cannot run '%s' in the guest", command);
    return error == ENOENT || error == ENOTDIR ? 127 : 126;
}

static int check_cgroup(const struct plan *plan, struct err *err)
{
    return cgroup_check(&plan->cgroup, err);
}

int fits_check(const struct plan *plan, struct refusals *refused)
{
    static int (*const of_host[])(const struct plan *, struct err *) = {check_template, check_cgroup};
    static int (*const of_tree[])(const struct plan *, struct err *) = {check_user, check_workdir};
    struct err err = {0};
    bool tree = plan->drives.rootfs_tree;
    for (size_t i = 0; i < 2; i++) {
        of_host[i](plan, &err);
        refusals_take(refused, &err);
    }
    for (size_t i = 0; i < 2 && tree; i++) {
        of_tree[i](plan, &err);
        refusals_take(refused, &err);
    }
    bool others = refusals_any(refused);
    int status = tree ? check_command(plan, &err) : 0;
    refusals_take(refused, &err);
    return others ? EXIT_OURS : status;
}
