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
    if (entries > 0)
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

/* In the order of enum volume_kind. */
static const char *const modes[] = {"ro", "rw", "live-ro"};

const char *plan_volume_mode(enum volume_kind kind)
{
    return modes[kind];
}

static bool read_mode(const char *text, enum volume_kind *kind)
{
    for (size_t i = 0; i < COUNT(modes); i++) {
        *kind = (enum volume_kind)i;
        if (strcmp(text, modes[i]) == 0)
            return true;
    }
    return false;
}

/* One entry of VM_VOLUMES, cut apart in place; it may have blanks around it.  What is wrong with it, or NULL. */
static const char *plan_volume(char *text, struct volume *v)
{
    static const char blanks[] = " \t\n";
    struct stat st;
    text += strspn(text, blanks);
    for (size_t len = strlen(text); len > 0 && strchr(blanks, text[len - 1]);)
        text[--len] = '\0';
    v->source = strsep(&text, ":");
    v->target = strsep(&text, ":");
    uint64_t none;
    static const struct value_rule target = {.type = VALUE_TARGET};
    if (!v->target || !text || v->source[0] != '/' || v->target[0] != '/' || !read_mode(text, &v->kind))
        return "must be /host/path:/guest/path:ro (read-only, as it is at the start), :rw (the directory or file "
               "itself) "
               "or :live-ro (the same, read-only), comma separated";
    if (value_read(&target, v->target, &none) < 0)
        return "nothing can be mounted at /, nor in the guest's /dev, /proc and /sys";
    if (stat(v->source, &st) < 0)
        return strerror(errno);
    v->file = S_ISREG(st.st_mode);
    return v->file || S_ISDIR(st.st_mode) ? NULL : "the source is neither a directory nor a regular file";
}

static int plan_volumes(const struct options *o, struct drives_plan *d, struct err *err)
{
    char *rest = d->volumes = strdup(o->value[OPT_VOLUMES] ? o->value[OPT_VOLUMES] : "");
    if (!rest)
        return err_set(err, "out of memory reading VM_VOLUMES");
    if (!*rest)
        return 0;
    for (char *entry; (entry = strsep(&rest, ","));) {
        struct volume v;
        const char *wrong = plan_volume(entry, &v);
        if (wrong)
            return err_set(err, "VM_VOLUMES=%.600s: %s: %s", o->value[OPT_VOLUMES], entry, wrong);
        bool share = v.kind != VOLUME_DISK;
        if (share && d->share_count == SHARES_MAX)
            return err_set(err, "VM_VOLUMES=%.600s: more than %d of :rw and :live-ro", o->value[OPT_VOLUMES],
                           SHARES_MAX);
        if (!share && d->volume_count - d->share_count == VOLUMES_MAX)
            return err_set(err, "VM_VOLUMES=%.600s: more than %d of :ro", o->value[OPT_VOLUMES], VOLUMES_MAX);
        d->volume[d->volume_count++] = v;
        d->share_count += share;
    }
    return 0;
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
    if (!rest || outer->kind == VOLUME_SHARE)
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
    d->data_dir = o->value[OPT_DATA_DIR];
    d->data_persistent = is_mount(d->data_dir);
    d->data_mount = o->value[OPT_DATA_MOUNT];
    d->datafs_size = o->number[OPT_DATAFS_SIZE];
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
    d->scratch_dir = o->value[OPT_SCRATCH_DIR];
    if (stat(d->scratch_dir, &st) == 0 && access(d->scratch_dir, W_OK | X_OK) == 0)
        return 0;
    err_sys(err, "VM_SCRATCH_DIR=%s", d->scratch_dir);
    err_hint(err, "it must be a writable folder, for disks that end with the VM");
    return -1;
}

/* Chooses the sizes that were not given.  An existing data disk keeps its size. */
static void plan_space(struct drives_plan *d)
{
    char path[4096];
    struct stat st = {0};
    d->datafs_given = d->datafs_size > 0;
    snprintf(path, sizeof(path), "%s/data.ext4", d->data_dir);
    if (d->data_persistent && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && !d->datafs_given)
        d->datafs_size = (uint64_t)st.st_size;
    const struct space_disk disks[] = {
        {.option = "ROOTFS_SIZE", .dir = d->scratch_dir, .size = &d->rootfs_size},
        {.option = "DATAFS_SIZE",
         .dir = d->data_persistent ? d->data_dir : d->scratch_dir,
         .size = &d->datafs_size,
         .allocated = (uint64_t)st.st_blocks * 512},
    };
    space_share(disks, COUNT(disks));
}

void plan_drives(const struct options *o, struct drives_plan *d, struct refusals *refused)
{
    static int (*const parts[])(const struct options *, struct drives_plan *,
                                struct err *) = {plan_rootfs, plan_data, plan_scratch, plan_volumes};
    d->rootfs = o->value[OPT_ROOTFS_DIR];
    d->rootfs_format = o->number[OPT_ROOTFS_FORMAT] ? ROOTFS_EXT4 : ROOTFS_EROFS;
    d->rootfs_size = o->number[OPT_ROOTFS_SIZE];
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
