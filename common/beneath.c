#include "common/beneath.h"

#include "common/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

int beneath_walk(int dir, const char *path, int flags, mode_t mode)
{
    cleanup_close int held = -1;
    for (;;) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        const char *rest = path + len + strspn(path + len, "/");
        if (len == 0 || (len == 2 && memcmp(path, "..", 2) == 0) || len > NAME_MAX) {
            errno = len > NAME_MAX ? ENAMETOOLONG : len ? EXDEV : ENOENT;
            return -1;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        bool last = !*rest;
        int next = openat(dir, name, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, mode);
        if (next < 0 || last)
            return next;
        if (held >= 0)
            close(held);
        dir = held = next;
        path = rest;
    }
}

int beneath_open(int dir, const char *path, int flags, mode_t mode)
{
    struct open_how how = {.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
    /* EPERM: the seccomp profile of an old container engine, which does not know the call.  If EPERM is the file's own,
     * the walk gets it too. */
    return fd < 0 && (errno == ENOSYS || errno == EPERM) ? beneath_walk(dir, path, flags, mode) : fd;
}
