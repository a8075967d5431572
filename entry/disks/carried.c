#include "entry/disks/carried.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/mountinfo.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

enum { TEXT_MAX = 4 << 20 };

static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    return strncmp(path, dir, len) == 0 && path[len] == '/';
}

int carried_prepare(const char *tree, const char *dir, bool *carried, struct err *err)
{
    cleanup_free char *real = realpath(tree, NULL), *own = realpath(dir, NULL);
    cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, NULL);
    if (!real || !own || !text)
        return err_sys(err, "cannot list the mounts in %s", tree);
    *carried = strcmp(real, "/") != 0 && !is_below(own, real);
    char *rest = text;
    for (struct mountinfo m; *carried && mountinfo_next(&rest, &m);) {
        if (!is_below(m.point, real))
            continue;
        if (!mountinfo_is_kernels(&m)) {
            log_info("%s, which is mounted there, is part of the guest's root", m.point);
            continue;
        }
        log_debug("the guest has a %s of its own instead of what is mounted at %s", m.type, m.point);
        if (umount2(m.point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
            return err_sys(err, "cannot exclude the %s at %s", m.type, m.point); /* EINVAL: it was below another */
    }
    return 0;
}
