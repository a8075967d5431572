/* Mounts with mount(2) directly, so that the image needs no setuid helper.  Options are the kernel's,
 * Documentation/filesystems/fuse.rst. */
#include "common/cleanup.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

int rootdisk_mount(const char *mountpoint, struct err *err)
{
    struct stat st;
    if (stat(mountpoint, &st) < 0)
        return err_sys(err, "cannot mount on %s", mountpoint);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return err_sys(err, "cannot mount on %s", mountpoint);
    }
    cleanup_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        err_sys(err, "cannot open /dev/fuse");
        err_hint(err, "is it passed in?");
        return errno == ENOENT || errno == ENODEV || errno == ENXIO || errno == EACCES || errno == EPERM
                   ? ROOTDISK_NO_FUSE
                   : -1;
    }
    /* default_permissions: the kernel enforces the file's mode for other users, which allow_other alone would not. */
    char options[128];
    snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=0,group_id=0,allow_other,default_permissions", fd,
             (unsigned)S_IFDIR);
    if (mount("rootdisk", mountpoint, "fuse", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0) {
        err_sys(err, "cannot mount FUSE on %s", mountpoint);
        err_hint(err, "is CAP_SYS_ADMIN granted?");
        return errno == ENODEV || errno == EACCES || errno == EPERM ? ROOTDISK_NO_FUSE : -1;
    }
    return steal_fd(&fd);
}

int rootdisk_unmount(const char *mountpoint, struct err *err)
{
    /* Lazy: processes that still have the file open keep it, and nobody waits for a server that is gone. */
    return umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? err_sys(err, "cannot unmount %s", mountpoint) : 0;
}
