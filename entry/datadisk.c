#include "entry/datadisk.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "entry/ext4.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
        if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
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

/* The file grows first: if that is all that was done, what is left is seen and done at the next start. */
static int grow(int fd, const char *path, uint64_t size, struct err *err)
{
    struct stat st;
    uint64_t now = ext4_size(fd);
    if (fstat(fd, &st) < 0)
        return err_sys(err, "cannot tell the size of the data disk %s", path);
    if (size < now)
        log_warn("the data disk %s stays at %llu MiB: it is never shrunk", path, (unsigned long long)(now >> 20));
    if (size <= now)
        return 0;
    if (ext4_check(path, true, err) < 0)
        return -1;
    if (size > (uint64_t)st.st_size && ftruncate(fd, (off_t)size) < 0)
        return err_sys(err, "cannot grow the data disk %s", path);
    return ext4_grow(path, err);
}

int datadisk_open(const char *dir, uint64_t size, uint64_t fresh_size, uid_t uid, gid_t gid, char *path, size_t len,
                  int *fd, struct err *err)
{
    char making[4096];
    bool fresh;
    int n = snprintf(path, len, "%s/data.ext4", dir);
    if (n < 0 || (size_t)n >= len || snprintf(making, sizeof(making), "%s.new", path) >= (int)sizeof(making))
        return err_set(err, "DATA_DIR=%.64s...: the path is too long", dir);
    if (open_locked(path, making, fd, &fresh, err) < 0)
        return -1;
    if (fresh ? make(*fd, path, making, size ? size : fresh_size, err) < 0 : ext4_check(path, false, err) < 0)
        return -1;
    if (!fresh && size && grow(*fd, path, size, err) < 0)
        return -1;
    if (fchown(*fd, uid, gid) < 0)
        return err_sys(err, "cannot hand over the data disk %s", path);
    return 0;
}
