#include "entry/disks/drives.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/settings.h"
#include "common/units.h"
#include "entry/disks/carried.h"
#include "entry/disks/datadisk.h"
#include "entry/disks/ext4.h"
#include "entry/host/lockdir.h"
#include "entry/host/orphans.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>

#define PREFIX "ctr-jailer-" /* of files in VM_SCRATCH_DIR */

/* The next drive, with nothing in it yet. */
static struct drive *add_drive(struct drives *d, const char *name)
{
    struct drive *drive = &d->drive[d->count++];
    *drive = (struct drive){.fd = -1, .served = SERVED_NONE};
    snprintf(drive->name, sizeof(drive->name), "%s", name);
    return drive;
}

/* Anybody may create files in /var/tmp, so a name that can be guessed could already exist there. -1 with errno. */
static int choose_name(const struct drives_plan *plan, struct drive *drive)
{
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -1;
    snprintf(drive->path, sizeof(drive->path), "%s/" PREFIX "%s.%s-%016llx", plan->scratch_dir, plan->id, drive->name,
             (unsigned long long)random);
    return 0;
}

static int make_named(const struct drives_plan *plan, struct drive *drive)
{
    for (;;) {
        if (choose_name(plan, drive) < 0)
            return -1;
        cleanup_close int fd = open(drive->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST)
            continue;
        int ours = fd < 0 ? -1 : orphans_lock(fd, drive->path);
        if (ours > 0)
            return steal_fd(&fd);
        if (fd >= 0 && ours < 0)
            unlink(drive->path);
        if (ours < 0)
            return -1;
    }
}

/* A sparse file in scratch_dir.  Where the filesystem supports it, the file has no name while it is being filled, so
 * that nothing is left if we are killed. name_scratch_file names it for the jail to mount. */
static int make_scratch_file(const struct drives_plan *plan, struct drive *drive, uint64_t size, struct err *err)
{
    const char *dir = plan->scratch_dir;
    drive->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (drive->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        drive->fd = make_named(plan, drive);
        drive->unlink = drive->fd >= 0;
    }
    /* Locked, so that nobody takes it for an orphan once it has a name. */
    if (drive->fd < 0 || orphans_await_lock(drive->fd) < 0 || ftruncate(drive->fd, (off_t)size) < 0 ||
        fchown(drive->fd, plan->maker, plan->gid) < 0) {
        err_sys(err, "cannot create the %s disk of %llu MiB in %s", drive->name, (unsigned long long)(size / MIB), dir);
        if (errno == EACCES || errno == EROFS || errno == ENOENT || errno == ENOTDIR)
            err_hint(err, "VM_SCRATCH_DIR must be a writable directory");
        return -1;
    }
    return 0;
}

static int name_scratch_file(const struct drives_plan *plan, struct drive *drive, struct err *err)
{
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", drive->fd);
    if (fchown(drive->fd, plan->uid, plan->gid) < 0)
        return err_sys(err, "cannot give the %s disk to Firecracker", drive->name);
    while (!drive->unlink) {
        if (choose_name(plan, drive) < 0)
            return err_sys(err, "cannot give the %s disk a name", drive->name);
        drive->unlink = linkat(AT_FDCWD, self, AT_FDCWD, drive->path, AT_SYMLINK_FOLLOW) == 0;
        if (!drive->unlink && errno != EEXIST)
            return err_sys(err, "cannot give the %s disk a name %s", drive->name, drive->path);
    }
    return 0;
}

/* An ext4 disk that ends with the VM.  tree (may be NULL) is copied into it. */
static int start_passing(const struct drives_plan *plan, struct drives *d, const char *name, uint64_t size,
                         const char *tree, struct err *err)
{
    struct drive *drive = add_drive(d, name);
    if (make_scratch_file(plan, drive, size, err) < 0)
        return -1;
    return ext4_start(&drive->making, drive->fd, drive->name, tree, false, plan->maker, err);
}

/* A folder as a read-only EROFS disk.  Mounts in a volume belong to it: Docker mounts each secret as a file. */
static int start_tree(const struct drives_plan *plan, const char *dir, struct drives *d, const char *name,
                      const char *source, bool cross_mounts, struct err *err)
{
    struct drive *drive = add_drive(d, name);
    char mountpoint[sizeof(drive->path)];
    drive->read_only = true;
    drive->tree = (struct served_plan){"", cross_mounts, plan->uid, plan->gid, plan->server};
    if (snprintf(drive->tree.tree, sizeof(drive->tree.tree), "%s", source) >= (int)sizeof(drive->tree.tree))
        return err_set(err, "%s: the path is too long", source);
    snprintf(mountpoint, sizeof(mountpoint), "%s/%s.served", dir, name);
    snprintf(drive->path, sizeof(drive->path), "%.4000s/image", mountpoint);
    return served_start(&drive->served, &drive->tree, mountpoint, err);
}

/* Without FUSE, the image is written to a file, which is slower and takes space. */
static int write_tree(const struct drives_plan *plan, struct drive *drive, struct err *err)
{
    struct rootdisk *tree;
    if (rootdisk_scan(&tree, AT_FDCWD, drive->tree.tree, drive->tree.cross_mounts, err) < 0)
        return -1;
    int r = make_scratch_file(plan, drive, rootdisk_size(tree), err);
    if (r == 0)
        r = rootdisk_write(tree, drive->fd, err);
    rootdisk_free(tree);
    return r < 0 ? -1 : name_scratch_file(plan, drive, err);
}

static int finish_drive(const struct drives_plan *plan, struct drive *drive, struct err *err)
{
    struct err why = {0};
    if (drive->making.run.pid)
        return ext4_finish(&drive->making, err) < 0 ? -1 : name_scratch_file(plan, drive, err);
    if (!drive->tree.tree[0])
        return 0;
    int served = served_await(&drive->served, &why);
    if (served == SERVED_NO_FUSE) {
        log_warn("the %s disk is written out instead of served: %s", drive->name, why.text);
        return write_tree(plan, drive, err);
    }
    return served < 0 ? err_set(err, "%s", why.text) : 0;
}

static int start_root(const struct drives_plan *plan, const char *dir, struct drives *d, struct err *err)
{
    bool carried = false;
    if (!plan->rootfs_sealed && carried_prepare(plan->rootfs, dir, &carried, err) < 0)
        return -1;
    if (plan->rootfs_format == ROOTFS_EXT4)
        return start_passing(plan, d, "root", plan->rootfs_size, plan->rootfs, err);
    if (!plan->rootfs_sealed)
        return start_tree(plan, dir, d, "root", plan->rootfs, carried, err);
    struct drive *drive = add_drive(d, "root");
    drive->read_only = true;
    snprintf(drive->path, sizeof(drive->path), "%s", plan->rootfs);
    drive->fd = open(plan->rootfs, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (drive->fd < 0)
        return err_sys(err, "VM_ROOTFS_DIR=%s: cannot open the image", plan->rootfs);
    if (rootdisk_is_image(drive->fd))
        return 0;
    return err_set(err, "VM_ROOTFS_DIR=%s: the image was replaced a moment ago", plan->rootfs);
}

static int start_data(const struct drives_plan *plan, struct drives *d, struct err *err)
{
    if (!plan->data_persistent)
        return start_passing(plan, d, "data", plan->datafs_size, NULL, err);
    struct drive *drive = add_drive(d, "data");
    struct datadisk_plan disk = {.option = "VM_DATA_DIR",
                                 .dir = plan->data_dir,
                                 .size = plan->datafs_given ? plan->datafs_size : 0,
                                 .fresh_size = plan->datafs_size,
                                 .mounted = plan->data_mount,
                                 .uid = plan->uid,
                                 .gid = plan->gid};
    return datadisk_open(&disk, drive->path, sizeof(drive->path), &drive->fd, err);
}

char drives_letter(const struct drives_plan *plan, unsigned volume)
{
    char letter = plan->rootfs_format == ROOTFS_EXT4 ? 'c' : 'd';
    for (unsigned i = 0; i < volume; i++)
        letter = (char)(letter + !volume_is_share(plan->volume[i].kind));
    return letter;
}

/* The root of a disk is a directory, so a single file is bind-mounted into a directory of our own in dir.  That
 * directory is removed together with everything in it. */
static int stage_file(const char *dir, const char *name, const char *source, char *folder, size_t size, struct err *err)
{
    char file[LOCKDIR_PATH + 64];
    snprintf(folder, size, "%s/%s.folder", dir, name);
    snprintf(file, sizeof(file), "%s/" VOLUME_FILE, folder);
    cleanup_close int fd = mkdir(folder, 0755) < 0 ? -1 : open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || mount(source, file, NULL, MS_BIND, NULL) < 0)
        return err_sys(err, "cannot use %s as a volume", source);
    return 0;
}

static int start_kept(const struct drives_plan *plan, struct drives *d, const char *name, const struct volume *v,
                      struct err *err)
{
    struct drive *drive = add_drive(d, name);
    const struct datadisk_plan disk = {.option = "VM_VOLUMES",
                                       .dir = v->source,
                                       .size = v->size_given ? v->size : 0,
                                       .fresh_size = v->size,
                                       .mounted = true,
                                       .uid = plan->uid,
                                       .gid = plan->gid};
    return datadisk_open(&disk, drive->path, sizeof(drive->path), &drive->fd, err);
}

static int start_volume(const struct drives_plan *plan, const char *dir, struct drives *d, unsigned i, struct err *err)
{
    const struct volume *v = &plan->volume[i];
    char name[24], folder[LOCKDIR_PATH + 40];
    snprintf(name, sizeof(name), "volume%u", i);
    if (v->kind == VOLUME_KEPT)
        return start_kept(plan, d, name, v, err);
    if (v->file && stage_file(dir, name, v->source, folder, sizeof(folder), err) < 0)
        return -1;
    return start_tree(plan, dir, d, name, v->file ? folder : v->source, true, err);
}

void drives_clear(const char *scratch_dir)
{
    orphans_remove_files(scratch_dir, PREFIX);
}

int drives_start(const struct drives_plan *plan, const char *dir, struct drives *d, struct err *err)
{
    drives_clear(plan->scratch_dir);
    if (start_root(plan, dir, d, err) < 0 || start_data(plan, d, err) < 0)
        return -1;
    if (plan->rootfs_format == ROOTFS_EROFS && start_passing(plan, d, "scratch", plan->rootfs_size, NULL, err) < 0)
        return -1;
    for (unsigned i = 0; i < plan->volume_count; i++)
        if (!volume_is_share(plan->volume[i].kind) && start_volume(plan, dir, d, i, err) < 0)
            return -1;
    return 0;
}

int drives_finish(const struct drives_plan *plan, struct drives *d, struct err *err)
{
    for (unsigned i = 0; i < d->count; i++)
        if (finish_drive(plan, &d->drive[i], err) < 0)
            return -1;
    return 0;
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
    for (unsigned i = 0; i < d->count; i++) {
        run_as_stop(&d->drive[i].making.run);
        if (d->drive[i].fd >= 0)
            close(steal_fd(&d->drive[i].fd));
        served_stop(&d->drive[i].served);
    }
}
