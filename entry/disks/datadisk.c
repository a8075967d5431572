#include "entry/disks/datadisk.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "entry/disks/ext4.h"
#include "entry/host/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A thorough check takes 0.1 s for each 10 GiB, and returns free space to the host: not worth it for less than
 * WASTED_MOST bytes. */
enum { LAST_TRIES = 200, WASTED_MOST = 64 << 20 };

/* Where the disk is.  Anybody may own that directory, and may put anything there at any time. */
struct place {
    int dir;
    const char *path, *making; /* for messages: the disk, and the unfinished one */
};
static const char name[] = "data.ext4", new_name[] = "data.ext4.new";

static bool same_file(int fd, int dir, const char *in_dir)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && fstatat(dir, in_dir, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* What is wrong with the file that was found in the disk's place, or NULL. */
static const char *what_is_wrong(int fd)
{
    struct statx st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_NLINK, &st) < 0)
        return strerror(errno);
    if (S_ISLNK(st.stx_mode))
        return "it is a symbolic link";
    if (!S_ISREG(st.stx_mode))
        return "it is not a regular file";
    if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
        return "it is a mount point";
    return st.stx_nlink > 1 ? "it has another hard link" : NULL;
}

/* Opens what lies at in_dir if it is a file of this folder alone.  Looks before it opens, because opening a device or a
 * FIFO has effects of its own.  -1: errno is ENOENT when there is none; err is set otherwise. */
static int open_disk(int dir, const char *in_dir, const char *path, struct err *err)
{
    char self[32];
    cleanup_close int found = openat(dir, in_dir, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (found < 0)
        return errno == ENOENT ? -1 : err_sys(err, "cannot open the data disk %s", path);
    const char *wrong = what_is_wrong(found);
    if (wrong) {
        err_set(err, "the data disk %s is refused: %s", path, wrong);
        err_hint(err, "move it away");
        errno = EINVAL;
        return -1;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", found);
    int fd = open(self, O_RDWR | O_CLOEXEC);
    return fd < 0 ? err_sys(err, "cannot open the data disk %s", path) : fd;
}

/* A new unfinished disk, or one that a killed start left unfinished. */
static int open_new(const struct place *at, struct err *err)
{
    int fd = openat(at->dir, new_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 && errno == EEXIST ? open_disk(at->dir, new_name, at->making, err) : fd;
}

/* Opens and locks the disk or, if there is none yet, the unfinished one; an unfinished disk is never used.  Another VM
 * may rename the unfinished disk before we get the lock.  Our lock is then on the wrong file, and we try again. */
static int open_locked(const struct place *at, int *fd, bool *fresh, struct err *err)
{
    for (;;) {
        *fd = open_disk(at->dir, name, at->path, err);
        *fresh = *fd < 0 && errno == ENOENT;
        if (*fresh && (*fd = open_new(at, err)) < 0 && errno == ENOENT)
            continue; /* gone since it was found there */
        if (*fd < 0)
            return err_sys(err, "cannot create the data disk %s", at->path);
        if (orphans_await_lock(*fd) < 0) {
            err_sys(err, "cannot lock the data disk %s", at->path);
            err_hint(err, "another VM uses it");
            return -1;
        }
        if (*fresh ? same_file(*fd, at->dir, new_name) && faccessat(at->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0
                   : same_file(*fd, at->dir, name))
            return 0;
        close(steal_fd(fd));
    }
}

static int make(const struct place *at, int fd, const struct datadisk_plan *plan, struct err *err)
{
    uint64_t size = plan->size ? plan->size : plan->fresh_size;
    if (ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0 && ext4_make(fd, "data", true, plan->uid, err) == 0 &&
        renameat(at->dir, new_name, at->dir, name) == 0)
        return 0;
    err_sys(err, "cannot create the data disk %s", at->path);
    unlinkat(at->dir, new_name, 0);
    return -1;
}

/* If an entry and its keeper are killed, their lock disappears before their Firecracker does, and Firecracker may still
 * be writing.  A lease for writing (fcntl(2)) is only given for a file that nobody else has open. */
static void await_the_last(int fd, const char *path)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < LAST_TRIES; i++) {
        if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
            fcntl(fd, F_SETLEASE, F_UNLCK);
            return;
        }
        if (errno != EAGAIN)
            return; /* there are none on this filesystem, or not for us */
        nanosleep(&pause, NULL);
    }
    log_warn("another process has the data disk %s open", path);
}

/* The file grows first.  If the filesystem does not follow, the next start sees that and completes it. */
static int grow(const struct datadisk_plan *plan, int fd, const char *path, bool ext4, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, "cannot read the size of the data disk %s", path);
    uint64_t now = ext4 ? ext4_size(fd) : (uint64_t)st.st_size;
    if (plan->size < now)
        log_warn("the data disk %s stays at %llu MiB: it is never shrunk", path, (unsigned long long)(now >> 20));
    if (plan->size <= now)
        return 0;
    if (ext4 && ext4_check(fd, path, true, plan->uid, err) < 0)
        return -1;
    if (plan->size > (uint64_t)st.st_size && ftruncate(fd, (off_t)plan->size) < 0)
        return err_sys(err, "cannot grow the data disk %s", path);
    return ext4 ? ext4_grow(fd, path, plan->uid, err) : 0;
}

/* One that was there before. */
static int prepare_file(const struct datadisk_plan *plan, int fd, const char *path, struct err *err)
{
    await_the_last(fd, path);
    bool ext4 = plan->mounted || ext4_size(fd) > 0;
    if (ext4 && ext4_check(fd, path, ext4_wasted(fd) > WASTED_MOST, plan->uid, err) < 0)
        return -1;
    return plan->size ? grow(plan, fd, path, ext4, err) : 0;
}

/* Done before the disk is made or checked, because the programs that do so run as this user.  Only its owner may change
 * a file's mode without CAP_FOWNER, which the container need not have. */
static int hand_over(int fd, uid_t uid, gid_t gid)
{
    struct stat st;
    if (fstat(fd, &st) < 0 ||
        ((st.st_mode & 07777) != 0600 && (fchown(fd, geteuid(), (gid_t)-1) < 0 || fchmod(fd, 0600) < 0)))
        return -1;
    return fchown(fd, uid, gid);
}

int datadisk_open(const struct datadisk_plan *plan, char *path, size_t len, int *fd, struct err *err)
{
    char making[4096];
    bool fresh;
    int n = snprintf(path, len, "%s/%s", plan->dir, name);
    if (n < 0 || (size_t)n >= len || snprintf(making, sizeof(making), "%s.new", path) >= (int)sizeof(making))
        return err_set(err, "%s=%.64s...: the path is too long", plan->option, plan->dir);
    cleanup_close int dir = open(plan->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct place at = {.dir = dir, .path = path, .making = making};
    if (dir < 0)
        return err_sys(err, "cannot open %s=%s", plan->option, plan->dir);
    if (open_locked(&at, fd, &fresh, err) < 0)
        return -1;
    if (hand_over(*fd, plan->uid, plan->gid) < 0)
        return err_sys(err, "cannot change the owner of the data disk %s", path);
    return fresh ? make(&at, *fd, plan, err) : prepare_file(plan, *fd, path, err);
}
