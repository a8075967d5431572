#include "guest-init/disks.h"

#include "common/cleanup.h"
#include "common/settings.h"
#include "guest-init/folders.h"
#include "guest-init/lists.h"
#include "guest-init/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folder(const char *path, struct err *err)
{
    return folders_make(path, 0755) < 0 ? err_sys(err, "cannot create %s in the guest", path) : 0;
}

/* A data disk fresh from mke2fs gets the owner and mode of the directory that it covers, as a new Docker volume does,
 * but not the content. lost+found is removed, because some programs want an empty directory; e2fsck creates it again if
 * it ever needs it. */
static int mount_data(const char *device, const char *path, struct err *err)
{
    struct stat covered, root;
    if (make_folder(path, err) < 0)
        return -1;
    if (stat(path, &covered) < 0 || mount(device, path, "ext4", 0, NULL) < 0)
        return err_sys(err, "cannot mount the data disk at %s", path);
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &root) < 0)
        return err_sys(err, "cannot use the data disk at %s", path);
    unlinkat(fd, "lost+found", AT_REMOVEDIR);
    if (root.st_uid != 0 || root.st_gid != 0 || (root.st_mode & 07777) != 0755)
        return 0;
    if (fchown(fd, covered.st_uid, covered.st_gid) < 0 || fchmod(fd, covered.st_mode & 07777) < 0)
        return err_sys(err, "cannot give the data disk the owner and mode of %s", path);
    return 0;
}

/* A file is mounted on a file, which is created if it is missing. */
static int make_file(const char *path, struct err *err)
{
    char above[PATH_MAX];
    if (snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above))
        return err_set(err, "%.64s...: the path is too long", path);
    char *slash = strrchr(above, '/');
    *slash = '\0';
    if (*above && make_folder(above, err) < 0)
        return -1;
    cleanup_close int fd = open(path, O_RDONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(err, "cannot create the file %s in the guest", path);
    return 0;
}

static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);
    return path && strncmp(path, above, len) == 0 && path[len] == '/';
}

/* The disk that the file comes from is visible here only. */
static int mount_file(const char *device, const char *path, struct err *err)
{
    static const char disk[] = "/dev/.volume", file[] = "/dev/.volume/" VOLUME_FILE;
    if (make_file(path, err) < 0)
        return -1;
    mkdir(disk, 0700);
    if (mount(device, disk, "erofs", MS_RDONLY | MS_NODEV, NULL) < 0 || mount(file, path, NULL, MS_BIND, NULL) < 0)
        err_sys(err, "cannot mount the volume at %s", path);
    umount2(disk, MNT_DETACH);
    rmdir(disk);
    return err->text[0] ? -1 : 0;
}

/* The PATH of KEY:KIND:PATH in a share's setting, or NULL. */
static const char *share_path(const char *setting)
{
    bool is_share = strncmp(setting, SETTING_SHARE "=", sizeof(SETTING_SHARE)) == 0;
    const char *kind = is_share ? strchr(setting, ':') : NULL;
    const char *path = kind ? strchr(kind + 1, ':') : NULL;
    return path ? path + 1 : NULL;
}

static bool is_kept(const char *setting)
{
    return strncmp(setting, SETTING_VOLUME_KEPT "=", sizeof(SETTING_VOLUME_KEPT)) == 0;
}

/* The PATH of DEVICE:PATH in a volume's setting, or of a share's setting; or NULL. */
static const char *volume_path(const char *setting, bool *is_file)
{
    const char *value = share_path(setting);
    if (value) {
        *is_file = shares_is_file(setting + sizeof(SETTING_SHARE));
        return value;
    }
    *is_file = strncmp(setting, SETTING_VOLUME_FILE "=", sizeof(SETTING_VOLUME_FILE)) == 0;
    if (*is_file || is_kept(setting) || strncmp(setting, SETTING_VOLUME "=", sizeof(SETTING_VOLUME)) == 0)
        value = strchr(strchr(setting, '=') + 1, ':');
    return value ? value + 1 : NULL;
}

/* Something else is mounted below path. */
static bool is_covered(char *const *settings, const char *path)
{
    bool is_file;
    bool covered = is_below(lists_value(settings, SETTING_DATA_MOUNT), path);
    for (; *settings; settings++)
        covered |= is_below(volume_path(*settings, &is_file), path);
    return covered;
}

static int mount_share(char *const *settings, const char *value, const char *path, bool is_file, struct err *err)
{
    if ((is_file ? make_file(path, err) : make_folder(path, err)) < 0)
        return -1;
    return shares_mount(value, path, is_covered(settings, path), err);
}

static int mount_volume(const char *setting, const char *path, bool is_file, struct err *err)
{
    char device[16];
    const char *value = strchr(setting, '=') + 1;
    snprintf(device, sizeof(device), "%.*s", (int)(path - 1 - value), value);
    if (is_file)
        return mount_file(device, path, err);
    if (is_kept(setting))
        return mount_data(device, path, err);
    if (make_folder(path, err) < 0)
        return -1;
    if (mount(device, path, "erofs", MS_RDONLY | MS_NODEV, NULL) < 0)
        return err_sys(err, "cannot mount the volume at %s", path);
    return 0;
}

unsigned disks_deepest(char *const *settings)
{
    const char *path = lists_value(settings, SETTING_DATA_MOUNT);
    unsigned deepest = path ? folders_depth(path) : 0;
    bool is_file;
    for (; *settings; settings++)
        if ((path = volume_path(*settings, &is_file)) && folders_depth(path) > deepest)
            deepest = folders_depth(path);
    return deepest;
}

int disks_mount(char *const *settings, unsigned depth, struct err *err)
{
    bool is_file;
    int r = 0;
    const char *path = lists_value(settings, SETTING_DATA_MOUNT);
    if (path && folders_depth(path) == depth)
        r = mount_data("/dev/vdb", path, err);
    for (char *const *s = settings; r == 0 && *s; s++) {
        path = volume_path(*s, &is_file);
        if (path && folders_depth(path) == depth)
            r = share_path(*s) ? mount_share(settings, strchr(*s, '=') + 1, path, is_file, err)
                               : mount_volume(*s, path, is_file, err);
    }
    return r;
}
