/* The disks' part of the plan. */
#include "common/array.h"
#include "common/cleanup.h"
#include "entry/plan/below.h"
#include "entry/plan/intree.h"
#include "entry/plan/plan_parts.h"
#include "entry/plan/space.h"
#include "rootdisk/rootdisk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A sealed image is used as it is: the VM's own user, which is nobody else's, must be able to read it. */
static int plan_sealed(const struct options *o, struct drives_plan *d, struct err *err)
{
    cleanup_close int fd = open(d->rootfs, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "VM_ROOTFS_DIR=%s: cannot read the root filesystem's image", d->rootfs);
    if (!S_ISREG(st.st_mode) || !rootdisk_is_image(fd)) {
        option_refuse(err, o, OPT_ROOTFS_DIR, "is neither a directory nor an EROFS image");
        err_hint(err, "make one from a tree: RUN rootdisk write TREE FILE");
        return -1;
    }
    if (!(st.st_mode & S_IROTH)) {
        option_refuse(err, o, OPT_ROOTFS_DIR, "the image must be readable by everybody");
        err_hint(err, "chmod o+r in the Dockerfile");
        return -1;
    }
    if (d->rootfs_format == ROOTFS_EXT4)
        return option_refuse(err, o, OPT_ROOTFS_FORMAT, "VM_ROOTFS_DIR is an EROFS image already");
    d->rootfs_sealed = true;
    return 0;
}

static int plan_rootfs(const struct options *o, struct drives_plan *d, struct err *err)
{
    DIR *dir = opendir(d->rootfs);
    if (!dir && errno == ENOTDIR)
        return plan_sealed(o, d, err);
    if (!dir) {
        err_sys(err, "VM_ROOTFS_DIR=%s: cannot open the root filesystem's tree", d->rootfs);
        err_hint(err, "put one there: COPY --from=my-rootfs / %s", d->rootfs);
        return -1;
    }
    int entries = 0;
    for (struct dirent *e; (e = readdir(dir));)
        entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    d->rootfs_tree = entries > 0;
    if (d->rootfs_tree)
        return 0;
    option_refuse(err, o, OPT_ROOTFS_DIR, "the root filesystem's tree is empty");
    err_hint(err, "put one there: COPY --from=my-rootfs / %s", d->rootfs);
    return -1;
}

/* Whether dir is a mount point (a volume), whose content persists. */
static bool is_mount(const char *dir)
{
    struct statx st;
    return statx(AT_FDCWD, dir, AT_STATX_SYNC_AS_STAT, STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* A mount inside a volume that is read-only needs an existing mount point (runc fails in this case, too). */
static int plan_inside(const struct drives_plan *d, const char *option, const char *target, bool file, struct err *err)
{
    const struct volume *outer = NULL;
    const char *rest = NULL;
    struct stat st;
    for (unsigned i = 0; i < d->volume_count; i++) {
        const char *here = below(target, d->volume[i].target);
        if (here && *here && (!rest || strlen(here) < strlen(rest))) {
            outer = &d->volume[i];
            rest = here;
        }
    }
    if (!rest || outer->kind == VOLUME_SHARE || outer->kind == VOLUME_KEPT)
        return 0;
    cleanup_close int fd = intree_open(outer->source, rest);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) != file)
        return 0;
    return err_set(err, "%s: %s is inside the volume %s, which is read-only: make the %s %s in %s first", option,
                   target, outer->target, file ? "file" : "directory", rest, outer->source);
}

static void plan_insides(const struct drives_plan *d, struct refusals *refused)
{
    struct err err = {0};
    for (unsigned i = 0; i < d->volume_count; i++) {
        plan_inside(d, "VM_VOLUMES", d->volume[i].target, d->volume[i].file, &err);
        refusals_take(refused, &err);
    }
    if (d->data_mount)
        plan_inside(d, "VM_DATA_MOUNT", d->data_mount, false, &err);
    refusals_take(refused, &err);
}

/* A volume must be writable for data.ext4. */
static int plan_data(const struct options *o, struct drives_plan *d, struct err *err)
{
    (void)o;
    d->data_persistent = is_mount(d->data_dir);
    if (!d->data_persistent || access(d->data_dir, W_OK | X_OK) == 0)
        return 0;
    err_sys(err, "VM_DATA_DIR=%s", d->data_dir);
    err_hint(err, errno == EROFS ? "the guest's data disk is a file in it: mount it without :ro, or not at all"
                                 : "the guest's data disk is a file in it");
    return -1;
}

static int plan_scratch(const struct options *o, struct drives_plan *d, struct err *err)
{
    struct stat st;
    (void)o;
    if (stat(d->scratch_dir, &st) == 0 && access(d->scratch_dir, W_OK | X_OK) == 0)
        return 0;
    err_sys(err, "VM_SCRATCH_DIR=%s", d->scratch_dir);
    err_hint(err, "it must be a writable directory, for disks that end with the VM");
    return -1;
}

/* An existing kept disk in that directory, if it is one: its size, and what it takes already. */
static bool kept_disk(const char *dir, struct stat *st)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/data.ext4", dir);
    return lstat(path, st) == 0 && S_ISREG(st->st_mode);
}

/* Chooses the sizes that were not given.  An existing kept disk keeps its size. */
static void plan_space(struct drives_plan *d)
{
    struct stat st = {0};
    struct space_disk disks[SPACE_DISKS_MAX];
    _Static_assert(2 + VOLUMES_MAX <= SPACE_DISKS_MAX, "the disks that have a size");
    unsigned count = 0;
    d->datafs_given = d->datafs_size > 0;
    if (d->data_persistent && kept_disk(d->data_dir, &st) && !d->datafs_given)
        d->datafs_size = (uint64_t)st.st_size;
    disks[count++] = (struct space_disk){.option = "ROOTFS_SIZE", .dir = d->scratch_dir, .size = &d->rootfs_size};
    disks[count++] = (struct space_disk){.option = "DATAFS_SIZE",
                                         .dir = d->data_persistent ? d->data_dir : d->scratch_dir,
                                         .size = &d->datafs_size,
                                         .allocated = (uint64_t)st.st_blocks * 512};
    for (unsigned i = 0; i < d->volume_count; i++) {
        struct volume *v = &d->volume[i];
        if (v->kind != VOLUME_KEPT)
            continue;
        st = (struct stat){0};
        v->size_given = v->size > 0;
        if (kept_disk(v->source, &st) && !v->size_given)
            v->size = (uint64_t)st.st_size;
        disks[count++] = (struct space_disk){.option = "VM_VOLUMES=...:disk",
                                             .dir = v->source,
                                             .size = &v->size,
                                             .allocated = (uint64_t)st.st_blocks * 512};
    }
    space_share(disks, count);
}

void plan_drives(const struct options *o, struct drives_plan *d, struct refusals *refused)
{
    static int (*const parts[])(const struct options *, struct drives_plan *,
                                struct err *) = {plan_rootfs, plan_data, plan_scratch, plan_volumes};
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct err err = {0};
        parts[i](o, d, &err);
        refusals_take(refused, &err);
    }
    plan_insides(d, refused);
    if (!refusals_any(refused)) /* a directory that does not exist yet has no known free space */
        plan_space(d);
}

void plan_drives_free(struct drives_plan *d)
{
    free(d->volumes);
    d->volumes = NULL;
}
