#include "guest-init/folders.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 /* as the kernel's MAXSYMLINKS */ };

void folders_above(char *path)
{
    for (char *slash = path; *slash && (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = '\0';
        mkdir(path, 0755);
    }
}

/* Replaces a link by its target.  whole is the link's path, with a NUL in place of the slash before rest. */
static int follow_link(char whole[PATH_MAX], const char *rest)
{
    char target[PATH_MAX], next[PATH_MAX];
    ssize_t n = readlink(whole, target, sizeof(target) - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    char *slash = strrchr(whole, '/');
    int dir = target[0] == '/' || !slash ? 0 : (int)(slash - whole) + 1;
    if (snprintf(next, sizeof(next), "%.*s%s%s%s", dir, whole, target, *rest ? "/" : "", rest) >= (int)sizeof(next)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(whole, next, sizeof(next));
    return 0;
}

/* Creates the missing folders of path up to the first dangling link.  *followed: there was one, and path now has its
 * target. */
static int make_until_link(char path[PATH_MAX], mode_t mode, bool *followed)
{
    struct stat st;
    *followed = false;
    for (char *c = path + strspn(path, "/");; c++) {
        c += strcspn(c, "/");
        const char *rest = c + strspn(c, "/");
        char end = *c;
        *c = '\0';
        if (mkdir(path, *rest ? 0755 : mode) < 0) {
            int problem = errno;
            if (problem != EEXIST && problem != EROFS)
                return -1;
            if (lstat(path, &st) < 0) {
                errno = problem;
                return -1;
            }
            if (stat(path, &st) < 0) {
                *followed = errno == ENOENT;
                return *followed ? follow_link(path, rest) : -1;
            }
            if (!S_ISDIR(st.st_mode)) {
                errno = ENOTDIR;
                return -1;
            }
        }
        *c = end;
        if (!*rest)
            return 0;
    }
}

int folders_make(const char *path, mode_t mode)
{
    char now[PATH_MAX];
    bool followed = true;
    if (snprintf(now, sizeof(now), "%s", path) >= (int)sizeof(now)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (int links = 0; followed; links++) {
        if (links > LINKS_MAX) {
            errno = ELOOP;
            return -1;
        }
        if (make_until_link(now, mode, &followed) < 0)
            return -1;
    }
    return 0;
}

unsigned folders_depth(const char *path)
{
    unsigned depth = 0;
    for (const char *c = path + strspn(path, "/"); *c; depth++) {
        c += strcspn(c, "/");
        c += strspn(c, "/");
    }
    return depth;
}
