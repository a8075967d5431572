#include "guest-init/mounts.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/settings.h"
#include "guest-init/etc.h"
#include "guest-init/folders.h"
#include "guest-init/lists.h"
#include "guest-init/sparse.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NEW_ROOT "/newroot"

struct mount_row {
    const char *type, *target, *data;
    unsigned long flags;
    mode_t mode;   /* of the target, when it is to be made */
    bool optional; /* the kernel may lack it */
};

/* proc is the last that moves to the new root: its fd links are how the targets are named. */
static const struct mount_row early[] = {
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID, 0755, false},
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555, false},
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555, false},
};
enum { EARLY = COUNT(early) };

/* Inside the new root, to which the early ones have moved.  Options as Docker and systemd use them. */
static const struct mount_row late[] = {
    {"devpts", "/dev/pts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC, 0755, true},
    {"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, 01777, true},
    {"mqueue", "/dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 01777, true},
    {"cgroup2", "/sys/fs/cgroup", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0555, true},
};

/* If this is not a mount yet, systemd mounts it itself and so hides its content, such as the target of
 * /etc/resolv.conf. */
static const struct mount_row run = {"tmpfs", "/run", "mode=0755,size=20%", MS_NOSUID | MS_NODEV, 0755, false};

/* Names that a C library and shells expect in /dev. */
static const struct {
    const char *target, *name;
} links[] = {
    {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"}, {"/proc/kcore", "/dev/core"},
};

static int mount_row(const struct mount_row *m, struct err *err)
{
    if (folders_make(m->target, m->mode) < 0 && !m->optional)
        return err_sys(err, "cannot create %s", m->target);
    if (mount(m->type, m->target, m->type, m->flags, m->data) < 0 && errno != EBUSY && !m->optional)
        return err_sys(err, "cannot mount %s", m->target);
    return 0;
}

int mounts_early(struct err *err)
{
    for (size_t i = 0; i < COUNT(early); i++)
        if (mount_row(&early[i], err) < 0)
            return -1;
    cleanup_close int console = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; console >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(console, fd);
    if (console <= STDERR_FILENO)
        console = -1;
    return 0;
}

/* As in runc, /dev may be a link, even a dangling one.  proc and sysfs are mounted only at /proc and /sys themselves,
 * since many programs rely on these being the real ones. */
static int open_target(const struct mount_row *m, struct err *err)
{
    struct stat st;
    if (strcmp(m->target, "/dev") != 0 && lstat(m->target, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_set(err, "%s of the image is not a directory: %s cannot be mounted there", m->target, m->type);
    if (folders_make(m->target, m->mode) < 0)
        return err_sys(err, "cannot create %s in the root filesystem", m->target);
    int fd = open(m->target, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, "cannot open %s in the root filesystem", m->target) : fd;
}

/* Follows the image's links as the guest will: with the guest's root as the root.  A descriptor of the initramfs leads
 * back: chroot(2) does not close it. */
static int open_targets(int target[EARLY], struct err *err)
{
    int r = 0;
    cleanup_close int initramfs = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (initramfs < 0 || chroot(NEW_ROOT) < 0 || chdir("/") < 0)
        return err_sys(err, "cannot enter the root filesystem");
    for (size_t i = 0; i < EARLY && r == 0; i++)
        r = (target[i] = open_target(&early[i], err)) < 0 ? -1 : 0;
    if (fchdir(initramfs) < 0 || chroot(".") < 0)
        return err_sys(err, "cannot return from the root filesystem");
    return r;
}

/* The initramfs cannot be pivoted away from: it is moved over instead, as switch_root(8) does.  Its few files have been
 * removed or are still needed. */
static int switch_root(struct err *err)
{
    int target[EARLY] = {-1, -1, -1};
    if (open_targets(target, err) < 0)
        return -1;
    for (size_t i = 0; i < EARLY; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", target[i]);
        if (mount(early[i].target, path, NULL, MS_MOVE, NULL) < 0)
            return err_sys(err, "cannot move %s to the root filesystem", early[i].target);
        close(target[i]);
    }
    unlink("/sbin/init");
    if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return err_sys(err, "cannot switch to the root filesystem");
    return 0;
}

/* The image is the lower layer; the guest's writes go to the upper one, on the scratch disk.  With index and
 * redirect_dir, hardlinks and renamed directories behave as on one filesystem; xino keeps inode numbers unique and
 * constant; with metacopy, chmod and chown copy no data (Linux Documentation/filesystems/overlayfs.rst). */
static int mount_layers(struct err *err)
{
    static const char options[] = "lowerdir=/lower,upperdir=/scratch/upper,workdir=/scratch/work,index=on,"
                                  "redirect_dir=on,xino=on,metacopy=on";
    return mount("overlay", NEW_ROOT, "overlay", 0, options) < 0 ? err_sys(err, "cannot mount the root overlay") : 0;
}

static int mount_overlay(struct err *err)
{
    struct stat st;
    mkdir("/lower", 0755);
    mkdir("/scratch", 0755);
    if (mount("/dev/vda", "/lower", "erofs", MS_RDONLY, NULL) < 0 || stat("/lower", &st) < 0)
        return err_sys(err, "cannot mount the root disk /dev/vda as erofs");
    if (mount("/dev/vdc", "/scratch", "ext4", MS_NOATIME, NULL) < 0)
        return err_sys(err, "cannot mount the scratch disk /dev/vdc");
    /* The root directory's owner and mode are the upper one's. */
    if (mkdir("/scratch/work", 0700) < 0 || mkdir("/scratch/upper", 0700) < 0 ||
        chown("/scratch/upper", st.st_uid, st.st_gid) < 0 || chmod("/scratch/upper", st.st_mode & 07777) < 0)
        return err_sys(err, "cannot prepare the scratch disk");
    cleanup_buf struct buf sparse = {0};
    sparse_list("/lower", &sparse);
    if (mount_layers(err) < 0)
        return -1;
    if (sparse.len == 0)
        return 0;
    sparse_make(&sparse, NEW_ROOT);
    if (umount2(NEW_ROOT, 0) < 0)
        return err_sys(err, "cannot unmount the root overlay");
    sparse_fill(&sparse, "/lower", "/scratch/upper");
    return mount_layers(err);
}

static int mount_root_disk(const char *type, struct err *err)
{
    mkdir(NEW_ROOT, 0755);
    if (type && strcmp(type, "erofs") == 0)
        return mount_overlay(err);
    if (!type || mount("/dev/vda", NEW_ROOT, type, MS_NOATIME, NULL) < 0)
        return err_sys(err, "cannot mount the root disk /dev/vda as %s", type ? type : "(nothing)");
    return 0;
}

int mounts_root(char *const *settings, struct err *err)
{
    if (mount_root_disk(lists_value(settings, SETTING_ROOTFS), err) < 0)
        return -1;
    if (switch_root(err) < 0)
        return -1;
    const char *init = lists_value(settings, SETTING_INIT);
    umask(0);
    mkdir("/run", run.mode); /* the image's own, when it has one */
    mkdir("/tmp", 01777);
    if (init && strcmp(init, "systemd") == 0 && mount_row(&run, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(links); i++)
        (void)!symlink(links[i].target, links[i].name);
    umask(022);
    return 0;
}

int mounts_own(char *const *settings, unsigned depth, struct err *err)
{
    int r = 0;
    umask(0);
    for (size_t i = 0; i < COUNT(late) && r == 0; i++)
        if (folders_depth(late[i].target) == depth)
            r = mount_row(&late[i], err);
    umask(022);
    return r == 0 && depth == folders_depth("/etc/hosts") ? etc_cover(settings, err) : r;
}

int mounts_protect(char *const *settings, struct err *err)
{
    if (!lists_value(settings, SETTING_READONLY))
        return 0;
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0
               ? err_sys(err, "cannot make the root read-only")
               : 0;
}

void mounts_end(void)
{
    sync();
    /* The last mounted first; what is left is the root itself, which becomes read-only. */
    enum { MOUNTS_MAX = 1024 };
    static char *targets[MOUNTS_MAX];
    int count = 0;
    FILE *f = setmntent("/proc/self/mounts", "r");
    for (struct mntent *m; f && count < MOUNTS_MAX && (m = getmntent(f));)
        targets[count++] = strdup(m->mnt_dir);
    if (f)
        endmntent(f);
    while (count-- > 0)
        if (targets[count] && strcmp(targets[count], "/") != 0 && strcmp(targets[count], "/proc") != 0)
            umount2(targets[count], UMOUNT_NOFOLLOW);
    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    sync();
}
