/* Walks the path component by component, as the kernel does (path_resolution(7)), and holds a descriptor of the current
 * directory.  So nobody can replace a component that has been checked. */
#include "entry/host/trusted.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 40 };

struct trusted_walk {
    const char *option, *value;
    int at;
    char rest[PATH_MAX]; /* of the way */
    unsigned links;
    struct err *err;
};

static int check(const struct trusted_walk *w, int fd, const struct stat *st)
{
    char self[32], name[512];
    bool shared = !S_ISLNK(st->st_mode) && !(st->st_mode & S_ISVTX) &&
                  (st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && st->st_gid != 0));
    bool foreign = st->st_uid != 0 && st->st_uid != geteuid();
    if (!foreign && !shared)
        return 0;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(self, name, sizeof(name) - 1);
    name[n < 0 ? 0 : n] = '\0';
    if (foreign)
        err_set(w->err, "%s=%s: %s belongs to user %u, who could replace the files that root creates there", w->option,
                w->value, name, (unsigned)st->st_uid);
    else
        err_set(w->err,
                "%s=%s: users other than root can write to %s, and could replace the files that root creates there",
                w->option, w->value, name);
    err_hint(w->err, "use a directory that belongs to root, and whose parents do");
    return -1;
}

static int follow_link(struct trusted_walk *w, int link, const char *rest)
{
    char target[PATH_MAX], whole[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    if (++w->links > LINKS_MAX || snprintf(whole, sizeof(whole), "%s/%s", target, rest) >= (int)sizeof(whole)) {
        errno = ELOOP;
        return -1;
    }
    strcpy(w->rest, whole);
    if (target[0] != '/')
        return 0;
    close(w->at);
    w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return w->at < 0 ? -1 : 0;
}

/* One component: 1; 0 at the end, or where the path does not exist yet; -1 with errno, or with err. */
static int step(struct trusted_walk *w)
{
    struct stat st;
    char *name = w->rest + strspn(w->rest, "/"), *rest = name + strcspn(name, "/");
    if (!*name)
        return 0;
    if (*rest)
        *rest++ = '\0';
    cleanup_close int next = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0)
        return errno == ENOENT ? 0 : -1;
    if (fstat(next, &st) < 0 || check(w, next, &st) < 0)
        return -1;
    if (S_ISLNK(st.st_mode))
        return follow_link(w, next, rest) < 0 ? -1 : 1;
    close(w->at);
    w->at = steal_fd(&next);
    memmove(w->rest, rest, strlen(rest) + 1);
    return 1;
}

int trusted_path(const char *option, const char *value, const char *path, struct err *err)
{
    struct trusted_walk w = {
        .option = option, .value = value, .at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .err = err};
    struct stat st;
    int r = -1;
    if (w.at >= 0 && fstat(w.at, &st) == 0 && check(&w, w.at, &st) == 0 &&
        snprintf(w.rest, sizeof(w.rest), "%s", path) < (int)sizeof(w.rest))
        while ((r = step(&w)) > 0)
            ;
    int saved = errno;
    if (w.at >= 0)
        close(w.at);
    errno = saved;
    return r < 0 && !err->text[0] ? err_sys(err, "%s=%s", option, value) : r;
}
