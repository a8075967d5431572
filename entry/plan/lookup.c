/* A walk, component by component, because each may be a link into a volume.  `at` is the path so far, without links;
 * `rest` is the part still to be walked. */
#include "entry/plan/lookup.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "entry/plan/below.h"
#include "entry/plan/intree.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as the kernel's (path_resolution(7)) */

struct lookup_walk {
    const char *tree;
    char at[PATH_MAX], rest[PATH_MAX];
    unsigned links;
};

/* What the guest's init mounts or makes, and the image's /run and /tmp, which it may cover. */
static const char *const always[] = {"/proc", "/sys",       "/dev",          "/run",
                                     "/tmp",  "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

static bool begin(struct lookup_walk *w, const char *tree, const char *path)
{
    w->tree = tree;
    w->at[0] = '\0';
    w->links = 0;
    return (size_t)snprintf(w->rest, sizeof(w->rest), "%s", path) < sizeof(w->rest);
}

/* Takes the next component from rest to at.  1: done, 0: there was none, -1: the path is too long. */
static int take_part(struct lookup_walk *w)
{
    const char *name = w->rest + strspn(w->rest, "/");
    size_t len = strcspn(name, "/"), used = strlen(w->at);
    if (len == 2 && memcmp(name, "..", 2) == 0) {
        char *last = strrchr(w->at, '/');
        *(last ? last : w->at) = '\0';
    } else if (len > 0 && !(len == 1 && *name == '.')) {
        if (used + 1 + len >= sizeof(w->at))
            return -1;
        snprintf(w->at + used, sizeof(w->at) - used, "/%.*s", (int)len, name);
    }
    memmove(w->rest, name + len, strlen(name + len) + 1);
    return len > 0;
}

/* Follows the link at the end of the path so far, if there is one. -1 with errno if nothing exists there. */
static int follow_link(struct lookup_walk *w, struct stat *st)
{
    char target[PATH_MAX], rest[PATH_MAX];
    cleanup_close int fd = intree_open_itself(w->tree, *w->at ? w->at : "/");
    if (fd < 0 || fstat(fd, st) < 0 || !S_ISLNK(st->st_mode))
        return fd < 0 ? -1 : 0;
    ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    memcpy(rest, w->rest, sizeof(rest));
    if (n <= 0 || ++w->links > LINKS_MAX ||
        (size_t)snprintf(w->rest, sizeof(w->rest), "%s/%s", target, rest) >= sizeof(w->rest)) {
        errno = ELOOP;
        return -1;
    }
    *(target[0] == '/' ? w->at : strrchr(w->at, '/')) = '\0';
    return 0;
}

/* Where a mount lands: links are followed, and missing directories will be created. */
static const char *landing(struct lookup_walk *w, const char *tree, const char *target)
{
    struct stat st;
    if (!begin(w, tree, target))
        return target;
    while (take_part(w) > 0)
        follow_link(w, &st);
    return w->at;
}

/* Whether a mount covers the path; with above: or lies below it, so that init creates the directories on the way. */
static bool meets(const char *path, const char *target, bool above)
{
    return below(path, target) || (above && below(target, path));
}

static bool is_mounted(const struct drives_plan *d, const char *path, bool above)
{
    struct lookup_walk w;
    for (size_t i = 0; i < COUNT(always); i++)
        if (meets(path, always[i], above))
            return true;
    for (unsigned i = 0; i < d->volume_count; i++)
        if (meets(path, landing(&w, d->rootfs, d->volume[i].target), above))
            return true;
    return d->data_mount && meets(path, landing(&w, d->rootfs, d->data_mount), above);
}

/* A directory that init will create on the way to a mount. */
static bool is_made(const struct drives_plan *d, const char *path, struct stat *st)
{
    if (!is_mounted(d, path, true))
        return false;
    *st = (struct stat){.st_mode = S_IFDIR};
    return true;
}

/* Other errors say nothing about the path: kernels before 5.6 and engines' old seccomp filters refuse openat2. */
static bool is_told(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
}

enum lookup lookup(const struct drives_plan *d, const char *path, struct stat *st)
{
    struct lookup_walk w;
    int taken = -1;
    *st = (struct stat){.st_mode = S_IFDIR};
    for (bool fits = begin(&w, d->rootfs, path); fits && (taken = take_part(&w)) > 0;) {
        if (is_mounted(d, w.at, false))
            return LOOKUP_UNKNOWN;
        if (follow_link(&w, st) == 0)
            continue;
        int error = errno;
        if (error == ENOENT && is_made(d, w.at, st))
            continue;
        errno = error;
        return is_told(error) ? LOOKUP_MISSING : LOOKUP_UNKNOWN;
    }
    errno = ENAMETOOLONG;
    return taken < 0 ? LOOKUP_MISSING : LOOKUP_FOUND;
}
