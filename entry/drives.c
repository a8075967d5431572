#include "entry/drives.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/run.h"
#include "entry/orphans.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MIB (UINT64_C(1) << 20)
#define PREFIX "ctr-jailer-" /* of files in SCRATCH_DIR */

/* Rounded down to whole MiB: what the filesystem that holds dir has free, as far as an ext4 of 4 KiB blocks
 * and an ext4 below it can be. */
static int free_space(const char *dir, uint64_t *bytes, struct err *err)
{
    struct statvfs v;
    if (statvfs(dir, &v) < 0)
        return err_sys(err, "cannot tell the free space of %s", dir);
    uint64_t most = (UINT64_C(16) << 40) - MIB, free = (uint64_t)v.f_bavail * v.f_frsize / MIB * MIB;
    *bytes = free < most ? free : most;
    return 0;
}

/* The next drive, with nothing in it yet. */
static struct drive *add(struct drives *d, const char *name)
{
    struct drive *drive = &d->drive[d->count++];
    *drive = (struct drive){.name = name, .fd = -1};
    return drive;
}

static int make_named(const char *path)
{
    for (;;) {
        cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int ours = fd < 0 ? -1 : orphans_lock(fd, path);
        if (ours > 0)
            return steal_fd(&fd);
        if (fd >= 0 && ours < 0)
            unlink(path);
        if (ours < 0)
            return -1;
    }
}

/* A sparse file in scratch_dir.  It has no name while it is filled, where the filesystem can do that, and
 * so leaves nothing behind if we are killed; drives_name gives it one for the jail to mount. */
static int make_scratch_file(const struct drives_plan *plan, struct drive *drive, uint64_t size, struct err *err)
{
    const char *dir = plan->scratch_dir;
    snprintf(drive->path, sizeof(drive->path), "%s/" PREFIX "%s.%s", dir, plan->id, drive->name);
    drive->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (drive->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        drive->fd = make_named(drive->path);
        drive->unlink = drive->fd >= 0;
    }
    /* Locked, so that it is no orphan once it has a name. */
    if (drive->fd < 0 || orphans_lock(drive->fd, drive->path) < 0 || ftruncate(drive->fd, (off_t)size) < 0 ||
        fchown(drive->fd, plan->uid, plan->gid) < 0) {
        err_sys(err, "cannot make the %s disk of %llu MiB in %s", drive->name, (unsigned long long)(size / MIB), dir);
        err_hint(err, "SCRATCH_DIR must be a writable folder");
        return -1;
    }
    return 0;
}

static int name_scratch_file(struct drive *drive, struct err *err)
{
    if (drive->unlink)
        return 0;
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", drive->fd);
    if (linkat(AT_FDCWD, self, AT_FDCWD, drive->path, AT_SYMLINK_FOLLOW) < 0)
        return err_sys(err, "cannot name the %s disk %s", drive->name, drive->path);
    drive->unlink = true;
    return 0;
}

/* mke2fs on an open file; tree (may be NULL) is copied into it.  Lazy tables and no discard keep a sparse
 * file sparse and the time short, as do large groups; a disk that ends with the VM needs no journal and does not grow.
 */
static int make_ext4(const struct drive *drive, const char *tree, bool journal, struct err *err)
{
    char file[64];
    snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getpid(), drive->fd);
    const char *argv[24] = {"mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-G", "256", "-L", drive->name, "-O"};
    size_t n = 12;
    argv[n++] = journal ? "has_journal" : "^has_journal,^resize_inode";
    argv[n++] = "-E";
    argv[n++] = "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0";
    if (tree) {
        argv[n++] = "-d";
        argv[n++] = tree;
    }
    argv[n++] = file;
    cleanup_buf struct buf output = {0};
    int status = run_program(argv, NULL, 0, &output, &output, err);
    if (status < 0) {
        err_hint(err, "install e2fsprogs");
        return -1;
    }
    if (status > 0) {
        err_set(err, "cannot make the %s disk's filesystem: mke2fs says: %s", drive->name, run_last_line(&output));
        if (tree)
            err_hint(err, "if %s does not fit, raise ROOTFS_SIZE or free space in SCRATCH_DIR", tree);
        return -1;
    }
    return 0;
}

static int make_ext4_root(const struct drives_plan *plan, struct drives *d, struct err *err)
{
    struct drive *drive = add(d, "root");
    uint64_t size = plan->rootfs_size;
    if (size == 0 && free_space(plan->scratch_dir, &size, err) < 0)
        return -1;
    if (make_scratch_file(plan, drive, size, err) < 0 || make_ext4(drive, plan->rootfs_dir, false, err) < 0)
        return -1;
    return name_scratch_file(drive, err);
}

/* Without FUSE the image is written out: slower, and it takes space. */
static int write_root(const struct drives_plan *plan, struct drive *drive, struct rootdisk *tree, struct err *err)
{
    int r = make_scratch_file(plan, drive, rootdisk_size(tree), err);
    if (r == 0)
        r = rootdisk_write(tree, drive->fd, err);
    rootdisk_free(tree);
    return r < 0 ? -1 : name_scratch_file(drive, err);
}

static int make_erofs_root(const struct drives_plan *plan, const char *dir, struct drives *d, struct err *err)
{
    struct drive *drive = add(d, "root");
    struct rootdisk *tree;
    drive->read_only = true;
    if (rootdisk_scan(&tree, AT_FDCWD, plan->rootfs_dir, err) < 0)
        return -1;
    char mountpoint[sizeof(d->mount)];
    snprintf(mountpoint, sizeof(mountpoint), "%s/rootdisk", dir);
    struct err why = {0};
    int fuse =
        mkdir(mountpoint, 0700) < 0 ? err_sys(&why, "cannot make %s", mountpoint) : rootdisk_mount(mountpoint, &why);
    if (fuse == ROOTDISK_NO_FUSE) {
        log_warn("the root disk is written out instead of served: %s", why.text);
        return write_root(plan, drive, tree, err);
    }
    if (fuse < 0) {
        rootdisk_free(tree);
        return err_set(err, "%s", why.text);
    }
    memcpy(d->mount, mountpoint, sizeof(mountpoint));
    snprintf(drive->path, sizeof(drive->path), "%.4000s/image", mountpoint);
    return served_start(&d->root, tree, fuse, plan->uid, plan->gid, err);
}

static int make_scratch(const struct drives_plan *plan, struct drives *d, struct err *err)
{
    struct drive *drive = add(d, "scratch");
    uint64_t size = plan->rootfs_size;
    if (size == 0 && free_space(plan->scratch_dir, &size, err) < 0)
        return -1;
    if (make_scratch_file(plan, drive, size, err) < 0 || make_ext4(drive, NULL, false, err) < 0)
        return -1;
    return name_scratch_file(drive, err);
}

/* Repairs what can be repaired without asking (e2fsck(8): status 1 and 2 mean repaired, 4 and more that a
 * person must look). */
static int check_ext4(const char *path, struct err *err)
{
    const char *argv[] = {"e2fsck", "-p", path, NULL};
    cleanup_buf struct buf output = {0};
    int status = run_program(argv, NULL, 0, &output, &output, err);
    if (status < 0) {
        err_hint(err, "install e2fsprogs");
        return -1;
    }
    if (status >= 4)
        return err_set(err,
                       "the data disk %s has errors that need a decision: e2fsck says: %s (save the file, then run "
                       "e2fsck -f on it)",
                       path, run_last_line(&output));
    if (status > 0)
        log_warn("the data disk %s was repaired", path);
    return 0;
}

static bool same_file(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens and locks DATA_DIR/data.ext4, or where there is none yet, data.ext4.new: a half-made one is never
 * used.  Another VM may rename the one to the other before we have the lock: then what the lock is on is
 * not what is used, and it is tried again. */
static int lock_data(struct drive *drive, const char *made, bool *fresh, struct err *err)
{
    for (;;) {
        drive->fd = open(drive->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        *fresh = drive->fd < 0 && errno == ENOENT;
        if (*fresh)
            drive->fd = open(made, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (drive->fd < 0)
            return err_sys(err, "cannot open the data disk %s", drive->path);
        if (flock(drive->fd, LOCK_EX | LOCK_NB) < 0) {
            err_sys(err, "cannot lock the data disk %s", drive->path);
            err_hint(err, "another VM uses it");
            return -1;
        }
        if (*fresh ? same_file(drive->fd, made) && access(drive->path, F_OK) < 0 : same_file(drive->fd, drive->path))
            return 0;
        close(steal_fd(&drive->fd));
    }
}

static int make_persistent_data(const struct drives_plan *plan, struct drive *drive, uint64_t size, struct err *err)
{
    char made[sizeof(drive->path) + 8];
    bool fresh;
    snprintf(drive->path, sizeof(drive->path), "%s/data.ext4", plan->data_dir);
    snprintf(made, sizeof(made), "%s.new", drive->path);
    if (lock_data(drive, made, &fresh, err) < 0)
        return -1;
    if (fresh && (ftruncate(drive->fd, 0) < 0 || ftruncate(drive->fd, (off_t)size) < 0 ||
                  make_ext4(drive, NULL, true, err) < 0 || rename(made, drive->path) < 0)) {
        err_sys(err, "cannot make the data disk %s", drive->path);
        unlink(made);
        return -1;
    }
    if (!fresh && check_ext4(drive->path, err) < 0)
        return -1;
    if (fchown(drive->fd, plan->uid, plan->gid) < 0)
        return err_sys(err, "cannot hand over the data disk %s", drive->path);
    return 0;
}

static int make_data(const struct drives_plan *plan, struct drives *d, struct err *err)
{
    struct drive *drive = add(d, "data");
    const char *dir = plan->data_persistent ? plan->data_dir : plan->scratch_dir;
    uint64_t size = plan->datafs_size;
    if (size == 0 && free_space(dir, &size, err) < 0)
        return -1;
    if (plan->data_persistent)
        return make_persistent_data(plan, drive, size, err);
    if (make_scratch_file(plan, drive, size, err) < 0 || make_ext4(drive, NULL, false, err) < 0)
        return -1;
    return name_scratch_file(drive, err);
}

int drives_make(const struct drives_plan *plan, const char *dir, struct drives *d, struct err *err)
{
    orphans_remove_files(plan->scratch_dir, PREFIX);
    if (plan->rootfs_format == ROOTFS_EXT4)
        return make_ext4_root(plan, d, err) < 0 ? -1 : make_data(plan, d, err);
    if (make_erofs_root(plan, dir, d, err) < 0 || make_data(plan, d, err) < 0)
        return -1;
    return make_scratch(plan, d, err);
}

void drives_unlink(struct drives *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->drive[i].unlink) {
            unlink(d->drive[i].path);
            d->drive[i].unlink = false;
        }
}

void drives_remove(void *handle)
{
    struct drives *d = handle;
    drives_unlink(d);
    for (unsigned i = 0; i < d->count; i++)
        if (d->drive[i].fd >= 0)
            close(steal_fd(&d->drive[i].fd));
    if (d->mount[0])
        rootdisk_unmount(d->mount, NULL);
    served_stop(&d->root);
}
