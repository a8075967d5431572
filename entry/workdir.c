#include "entry/workdir.h"

#include "common/cleanup.h"
#include "entry/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes the last folders of path, as many as that; what others use stays. */
static void remove_path(char *path, int depth)
{
    for (; depth > 0; depth--) {
        rmdir(path);
        *strrchr(path, '/') = '\0';
    }
}

/* Makes path and its missing parents.  The count made, or -1, with nothing made; a folder that another VM's end
 * removes under our feet is made again. */
static int make_path(const char *wanted)
{
    int made = 0, tries = 100; /* a dangling symlink looks like a folder that was removed */
    char path[WORKDIR_PATH];
    snprintf(path, sizeof(path), "%s", wanted);
    for (char *slash = path + 1;; slash++) {
        slash = strchrnul(slash, '/');
        char kept = *slash;
        *slash = '\0';
        if (mkdir(path, 0755) == 0)
            made++;
        else if (errno == ENOENT && tries-- > 0) {
            *slash = kept;
            slash = path; /* again from the top */
            made = 0;
            continue;
        } else if (errno != EEXIST) {
            int saved = errno;
            *strrchr(path, '/') = '\0';
            remove_path(path, made);
            errno = saved;
            return -1;
        }
        *slash = kept;
        if (!kept)
            return made;
    }
}

/* Makes the folder and locks it, below the tmpfs that comes onto it. */
static int make_locked(struct workdir *w)
{
    for (;;) {
        int made = make_path(w->path);
        if (made < 0)
            return -1;
        cleanup_close int fd = open(w->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int ours = fd < 0 ? -(errno != ENOENT) : orphans_lock(fd, w->path);
        if (ours > 0) {
            /* What killed VMs left of the path goes with ours: the folder of all jails. */
            w->depth_made = made < 2 ? 2 : made;
            w->lock = steal_fd(&fd);
            return 0;
        }
        if (ours < 0) {
            int saved = errno;
            remove_path(w->path, made);
            errno = saved;
            return -1;
        }
    }
}

static void give_up(struct workdir *w)
{
    remove_path(w->path, w->depth_made);
    close(steal_fd(&w->lock));
}

int workdir_make(const struct workdir_plan *plan, struct workdir *w, struct err *err)
{
    int n = snprintf(w->path, sizeof(w->path), "%s/%s", plan->base, plan->exec);
    if (n < 0 || (size_t)n + 1 + strlen(plan->id) >= sizeof(w->path))
        return err_set(err, "JAIL_BASE=%.64s...: the path is too long", plan->base);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0) {
        err_sys(err, "cannot make a mount namespace");
        err_hint(err, errno == EACCES ? "does AppArmor refuse it? docker run --security-opt apparmor=unconfined"
                                      : "it needs CAP_SYS_ADMIN: run as root, the container privileged");
        return -1;
    }
    orphans_remove_folders(w->path);
    snprintf(w->path + n, sizeof(w->path) - (size_t)n, "/%s", plan->id);
    if (make_locked(w) < 0)
        return err_sys(err, "cannot make the jail's folder %s/%s/%s", plan->base, plan->exec, plan->id);
    /* Not noexec or nodev, as Docker's tmpfs mounts are: the jailer copies Firecracker into it and makes
     * device nodes. */
    if (mount("ctr-jailer", w->path, "tmpfs", MS_NOSUID, "mode=0700,size=50%") < 0) {
        err_sys(err, "cannot mount a tmpfs at %s", w->path);
        give_up(w);
        return -1;
    }
    return 0;
}

int workdir_seal(const struct workdir *w, struct err *err)
{
    if (mount(NULL, w->path, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL) < 0)
        return err_sys(err, "cannot make %s read-only", w->path);
    return 0;
}

void workdir_remove(void *handle)
{
    struct workdir *w = handle;
    umount2(w->path, MNT_DETACH);
    give_up(w);
}
