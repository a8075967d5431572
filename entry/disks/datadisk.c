#include "entry/disks/datadisk.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "entry/disks/ext4.h"
#include "entry/host/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LAST_TRIES = 200 };

static bool same_file(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens and locks the disk at path, or where there is none yet, the one in the making: a half-made one is
 * never used.  Another VM may rename the one to the other before we have the lock: then what the lock is on
 * is not what is used, and it is tried again. */
static int open_locked(const char *path, const char *making, int *fd, bool *fresh, struct err *err)
{
    for (;;) {
        *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        *fresh = *fd < 0 && errno == ENOENT;
        if (*fresh)
            *fd = open(making, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (*fd < 0)
            return err_sys(err, "cannot open the data disk %s", path);
        if (orphans_await_lock(*fd) < 0) {
            err_sys(err, "cannot lock the data disk %s", path);
            err_hint(err, "another VM uses it");
            return -1;
        }
        if (*fresh ? same_file(*fd, making) && access(path, F_OK) < 0 : same_file(*fd, path))
            return 0;
        close(steal_fd(fd));
    }
}

static int make(int fd, const char *path, const char *making, uint64_t size, struct err *err)
{
    if (ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0 && ext4_make(fd, "data", NULL, true, err) == 0 &&
        rename(making, path) == 0)
        return 0;
    err_sys(err, "cannot make the data disk %s", path);
    unlink(making);
    return -1;
}

/* The lock of an entry that was killed, with its keeper, goes before its Firecracker has: it may still be writing.  A
 * lease for writing (fcntl(2)) is only given for a file that nobody else has open. */
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

/* The file grows first: if that is all that was done, what is left is seen and done at the next start. */
static int grow(const struct datadisk_plan *plan, int fd, const char *path, bool ext4, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, "cannot tell the size of the data disk %s", path);
    uint64_t now = ext4 ? ext4_size(fd) : (uint64_t)st.st_size;
    if (plan->size < now)
        log_warn("the data disk %s stays at %llu MiB: it is never shrunk", path, (unsigned long long)(now >> 20));
    if (plan->size <= now)
        return 0;
    if (ext4 && ext4_check(path, true, err) < 0)
        return -1;
    if (plan->size > (uint64_t)st.st_size && ftruncate(fd, (off_t)plan->size) < 0)
        return err_sys(err, "cannot grow the data disk %s", path);
    return ext4 ? ext4_grow(path, err) : 0;
}

/* One that was there before. */
static int prepare(const struct datadisk_plan *plan, int fd, const char *path, struct err *err)
{
    await_the_last(fd, path);
    bool ext4 = plan->mounted || ext4_size(fd) > 0;
    if (ext4 && ext4_check(path, false, err) < 0)
        return -1;
    return plan->size ? grow(plan, fd, path, ext4, err) : 0;
}

int datadisk_open(const struct datadisk_plan *plan, char *path, size_t len, int *fd, struct err *err)
{
    char making[4096];
    bool fresh;
    int n = snprintf(path, len, "%s/data.ext4", plan->dir);
    if (n < 0 || (size_t)n >= len || snprintf(making, sizeof(making), "%s.new", path) >= (int)sizeof(making))
        return err_set(err, "VM_DATA_DIR=%.64s...: the path is too long", plan->dir);
    if (open_locked(path, making, fd, &fresh, err) < 0)
        return -1;
    if (fresh ? make(*fd, path, making, plan->size ? plan->size : plan->fresh_size, err) < 0
              : prepare(plan, *fd, path, err) < 0)
        return -1;
    if (fchown(*fd, plan->uid, plan->gid) < 0)
        return err_sys(err, "cannot hand over the data disk %s", path);
    return 0;
}
