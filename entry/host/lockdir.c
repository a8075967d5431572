#include "entry/host/lockdir.h"

#include "common/cleanup.h"
#include "entry/host/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes the last count directories of path, except those that others use. */
static void remove_path(char *path, int depth)
{
    for (; depth > 0; depth--) {
        rmdir(path);
        *strrchr(path, '/') = '\0';
    }
}

/* Makes path and its missing parents.  The number created, or -1 with nothing created.  A directory that an ending VM
 * removes meanwhile is created again. */
static int make_path(const char *wanted)
{
    int made = 0, tries = 100; /* a dangling symlink looks like a folder that was removed */
    char path[LOCKDIR_PATH];
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

int lockdir_make(struct lockdir *d)
{
    for (;;) {
        int made = make_path(d->path);
        if (made < 0)
            return -1;
        cleanup_close int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int ours = fd < 0 ? -(errno != ENOENT) : orphans_lock(fd, d->path);
        if (ours > 0) {
            /* Directories of the path that killed VMs left, such as that of all jails, are removed with ours. */
            d->depth_made = made < 2 ? 2 : made;
            d->lock = steal_fd(&fd);
            return 0;
        }
        if (ours < 0) {
            int saved = errno;
            remove_path(d->path, made);
            errno = saved;
            return -1;
        }
    }
}

void lockdir_remove(struct lockdir *d)
{
    remove_path(d->path, d->depth_made);
    close(steal_fd(&d->lock));
}
