#include "entry/plan/fits.h"

#include "common/cleanup.h"
#include "common/user.h"
#include "entry/plan/intree.h"

#include <errno.h>
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

static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0' || (len > 0 && dir[len - 1] == '/'));
}

/* Whether something that the guest mounts covers path, or makes it as the way to where it is mounted. */
static bool is_mounted(const struct drives_plan *d, const char *path)
{
    static const char *const always[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};
    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        if (is_below(path, always[i]))
            return true;
    for (unsigned i = 0; i < d->volume_count; i++)
        if (is_below(path, d->volume[i].target) || is_below(d->volume[i].target, path))
            return true;
    return d->data_mount && (is_below(path, d->data_mount) || is_below(d->data_mount, path));
}

static int check_user(const struct plan *plan, struct err *err)
{
    struct user user;
    const struct drives_plan *d = &plan->drives;
    if (!plan->guest.user || is_mounted(d, "/etc/passwd") || is_mounted(d, "/etc/group"))
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
    if (!path || path[0] != '/' || is_mounted(&plan->drives, path))
        return 0;
    cleanup_close int fd = intree_open(plan->drives.rootfs, path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "VM_WORKDIR=%s: is not in the root filesystem", path);
    return S_ISDIR(st.st_mode) ? 0 : err_set(err, "VM_WORKDIR=%s: is not a directory", path);
}

/* Whether a file of the tree could be executed: 0, or errno. */
static int file_error(const struct plan *plan, const char *path)
{
    struct stat st;
    cleanup_close int fd = intree_open(plan->drives.rootfs, path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return errno;
    return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? 0 : EACCES;
}

/* As execvp(3) looks for it.  A path that does not start at the root is left to the guest. */
static int check_command(const struct plan *plan, struct err *err)
{
    const char *command = plan->command.data;
    char path[4096];
    int error = ENOENT;
    if (!command)
        return 0;
    if (command[0] == '/') {
        if (is_mounted(&plan->drives, command))
            return 0;
        error = file_error(plan, command);
    } else if (strchr(command, '/')) {
        return 0;
    }
    for (const char *p = intree_search_path(plan->initrd.environment); command[0] != '/' && error && *p;) {
        size_t len = strcspn(p, ":");
        snprintf(path, sizeof(path), "%.*s/%s", (int)len, p, command);
        error = is_mounted(&plan->drives, path) ? 0 : file_error(plan, path);
        p += len + (p[len] == ':');
    }
    errno = error;
    return error ? err_sys(err, "cannot run '%s' in the guest", command) : 0;
}

static int check_cgroup(const struct plan *plan, struct err *err)
{
    return cgroup_check(&plan->cgroup, err);
}

/* One that was refused, or a sealed image, has nothing to look at. */
static bool is_tree(const struct plan *plan)
{
    cleanup_close int fd = intree_open(plan->drives.rootfs, "/");
    return fd >= 0;
}

int fits_check(const struct plan *plan, bool command, struct refusals *refused)
{
    static int (*const of_host[])(const struct plan *, struct err *) = {check_template, check_cgroup};
    static int (*const of_tree[])(const struct plan *, struct err *) = {check_user, check_workdir, check_command};
    struct err err = {0};
    for (size_t i = 0; i < 2; i++) {
        of_host[i](plan, &err);
        refusals_take(refused, &err);
    }
    for (size_t i = 0; i < (command ? 3 : 2) && is_tree(plan); i++) {
        of_tree[i](plan, &err);
        refusals_take(refused, &err);
    }
    return refusals_any(refused) ? -1 : 0;
}
