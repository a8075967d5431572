/* The disks' part of the plan. */
#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "entry/plan/plan_parts.h"
#include "rootdisk/rootdisk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MIB (UINT64_C(1) << 20)
enum { DISK_MIN_MIB = 16 };

/* A disk's capacity in bytes, whole MiB; 0 when it is not given.  A bare number counts in MiB. */
static int plan_size(const struct options *o, enum option option, uint64_t *out, struct err *err)
{
    *out = 0;
    if (!o->value[option])
        return 0;
    uint64_t size;
    if (num_parse_size(o->value[option], MIB, &size) < 0 || size < DISK_MIN_MIB * MIB || size > (UINT64_C(16) << 40))
        return plan_refuse(err, o, option, "must be a size from 16M to 16T, such as 512M or 4G");
    *out = size / MIB * MIB;
    return 0;
}

/* A sealed image is used as it is: the VM's own user, which is nobody else's, must be able to read it. */
static int plan_sealed(const struct options *o, struct drives_plan *d, struct err *err)
{
    cleanup_close int fd = open(d->rootfs, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "VM_ROOTFS_DIR=%s: cannot read the root filesystem's image", d->rootfs);
    if (!rootdisk_is_image(fd)) {
        plan_refuse(err, o, OPT_ROOTFS_DIR, "is neither a folder nor an EROFS image");
        err_hint(err, "make one from a tree: RUN rootdisk write TREE FILE");
        return -1;
    }
    if (!(st.st_mode & S_IROTH)) {
        plan_refuse(err, o, OPT_ROOTFS_DIR, "the image must be readable by everybody");
        err_hint(err, "chmod o+r in the Dockerfile");
        return -1;
    }
    if (d->rootfs_format == ROOTFS_EXT4)
        return plan_refuse(err, o, OPT_ROOTFS_FORMAT, "VM_ROOTFS_DIR is an EROFS image already");
    d->rootfs_sealed = true;
    return 0;
}

static int plan_rootfs(const struct options *o, struct drives_plan *d, struct err *err)
{
    const char *format = o->value[OPT_ROOTFS_FORMAT];
    if (strcmp(format, "ext4") == 0)
        d->rootfs_format = ROOTFS_EXT4;
    else if (strcmp(format, "erofs") != 0)
        return plan_refuse(err, o, OPT_ROOTFS_FORMAT, "must be erofs or ext4");
    d->rootfs = o->value[OPT_ROOTFS_DIR];
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
    plan_refuse(err, o, OPT_ROOTFS_DIR, "the root filesystem's tree is empty");
    err_hint(err, "put one there: COPY --from=my-rootfs / %s", d->rootfs);
    return -1;
}

/* Whether dir is a mount point (a volume): then what is in it stays. */
static bool is_mount(const char *dir)
{
    struct statx st;
    return statx(AT_FDCWD, dir, AT_STATX_SYNC_AS_STAT, STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* A folder of the guest that something is mounted on. */
static bool is_mount_target(const char *path)
{
    return path[0] == '/' && path[strspn(path, "/")] != '\0';
}

/* One entry of VM_VOLUMES, cut apart in place; it may have spaces before it.  What is wrong with it, or NULL. */
static const char *plan_volume(char *text, struct volume *v)
{
    struct stat st;
    text += strspn(text, " ");
    v->source = strsep(&text, ":");
    v->target = strsep(&text, ":");
    if (!v->target || !text || v->source[0] != '/' || !is_mount_target(v->target) || strcmp(text, "ro") != 0)
        return "must be /host/dir:/guest/path:ro, comma separated (volumes are read-only; VM_DATA_MOUNT is for "
               "writing)";
    if (stat(v->source, &st) < 0)
        return strerror(errno);
    return S_ISDIR(st.st_mode) ? NULL : "the source is no folder";
}

static int plan_volumes(const struct options *o, struct drives_plan *d, struct err *err)
{
    if (!o->value[OPT_VOLUMES])
        return 0;
    char *rest = d->volumes = strdup(o->value[OPT_VOLUMES]);
    if (!rest)
        return err_set(err, "out of memory reading VM_VOLUMES");
    for (char *entry; (entry = strsep(&rest, ","));) {
        if (d->volume_count == VOLUMES_MAX)
            return err_set(err, "VM_VOLUMES=%.600s: more than %d volumes", o->value[OPT_VOLUMES], VOLUMES_MAX);
        const char *wrong = plan_volume(entry, &d->volume[d->volume_count++]);
        if (wrong)
            return err_set(err, "VM_VOLUMES=%.600s: %s: %s", o->value[OPT_VOLUMES], entry, wrong);
    }
    return 0;
}

int plan_drives(const struct options *o, struct drives_plan *d, struct err *err)
{
    struct stat st;
    d->data_dir = o->value[OPT_DATA_DIR];
    d->data_persistent = is_mount(d->data_dir);
    d->data_mount = o->value[OPT_DATA_MOUNT];
    d->scratch_dir = o->value[OPT_SCRATCH_DIR];
    if (stat(d->scratch_dir, &st) < 0 || access(d->scratch_dir, W_OK | X_OK) < 0) {
        err_sys(err, "VM_SCRATCH_DIR=%s", d->scratch_dir);
        err_hint(err, "it must be a writable folder, for disks that end with the VM");
        return -1;
    }
    if (d->data_mount && !is_mount_target(d->data_mount))
        return plan_refuse(err, o, OPT_DATA_MOUNT, "must be an absolute path in the guest other than /");
    if (plan_rootfs(o, d, err) < 0 || plan_size(o, OPT_ROOTFS_SIZE, &d->rootfs_size, err) < 0 ||
        plan_size(o, OPT_DATAFS_SIZE, &d->datafs_size, err) < 0)
        return -1;
    return plan_volumes(o, d, err);
}

void plan_drives_free(struct drives_plan *d)
{
    free(d->volumes);
    d->volumes = NULL;
}
