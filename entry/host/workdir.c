#include "entry/host/workdir.h"

#include "entry/host/orphans.h"
#include "entry/host/trusted.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

int workdir_make(const struct workdir_plan *plan, struct lockdir *w, struct err *err)
{
    int n = snprintf(w->path, LOCKDIR_PATH, "%s/%s", plan->base, plan->exec);
    if (n < 0 || (size_t)n + 1 + strlen(plan->id) >= LOCKDIR_PATH)
        return err_set(err, "VM_JAIL_BASE=%.64s...: the path is too long", plan->base);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0) {
        err_sys(err, "cannot create a mount namespace");
        err_hint(err, errno == EACCES ? "does AppArmor refuse it? docker run --security-opt apparmor=unconfined"
                                      : "it needs CAP_SYS_ADMIN: run as root, in a privileged container");
        return -1;
    }
    if (trusted_path("VM_JAIL_BASE", plan->base, w->path, err) < 0)
        return -1;
    orphans_remove_folders(w->path);
    snprintf(w->path + n, LOCKDIR_PATH - (size_t)n, "/%s", plan->id);
    if (lockdir_make(w) < 0)
        return err_sys(err, "cannot create the jail's directory %s/%s/%s", plan->base, plan->exec, plan->id);
    if (trusted_path("VM_JAIL_BASE", plan->base, w->path, err) < 0) {
        lockdir_remove(w);
        return -1;
    }
    /* Not noexec or nodev, as Docker's tmpfs mounts are: the jailer copies Firecracker into it and makes
     * device nodes. */
    if (mount("ctr-jailer", w->path, "tmpfs", MS_NOSUID, "mode=0700,size=50%") < 0) {
        err_sys(err, "cannot mount a tmpfs at %s", w->path);
        lockdir_remove(w);
        return -1;
    }
    return 0;
}

int workdir_seal(const struct lockdir *w, struct err *err)
{
    if (mount(NULL, w->path, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL) < 0)
        return err_sys(err, "cannot make %s read-only", w->path);
    return 0;
}

void workdir_remove(void *handle)
{
    struct lockdir *w = handle;
    umount2(w->path, MNT_DETACH);
    lockdir_remove(w);
}
