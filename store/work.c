#include "store/work.h"

#include "common/cleanup.h"
#include "common/layer.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PREFIX "work."

static int is_work(const struct dirent *e)
{
    return strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0;
}

/* Takes the store's lock, so that nobody sees a folder between its creation and its own lock. */
static void clear(int root)
{
    struct dirent **entries;
    int count = scandirat(root, ".", &entries, is_work, NULL);
    for (int i = 0; i < count; i++) {
        cleanup_close int fd = openat(root, entries[i]->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            layer_remove(root, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* Nobody else may enter: set-user-id files of root and devices, which an image may contain, must be of no use on the
 * host. */
static int make(struct work *w, int root)
{
    int made = -1;
    for (unsigned n = 0; made < 0 && n < 1000; n++) {
        snprintf(w->name, sizeof(w->name), PREFIX "%u", n);
        made = mkdirat(root, w->name, 0700);
        if (made < 0 && errno != EEXIST)
            return -1;
    }
    if (made < 0)
        return -1;
    w->fd = openat(root, w->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return w->fd < 0 ? -1 : flock(w->fd, LOCK_EX | LOCK_NB);
}

int work_open(struct work *w, const struct store *s, struct err *err)
{
    char root[PATH_MAX];
    *w = (struct work){.store = s, .fd = -1};
    cleanup_close int held = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held < 0 || flock(held, LOCK_EX) < 0 || !realpath(s->root, root))
        return err_sys(err, "cannot lock the store %s", s->root);
    clear(held);
    if (make(w, held) < 0)
        return err_sys(err, "cannot create the directory %s/%s", s->root, w->name);
    if (snprintf(w->path, sizeof(w->path), "%s/%s", root, w->name) >= (int)sizeof(w->path) - 64)
        return err_set(err, "%s: the path is too long", s->root);
    return 0;
}

void work_close(struct work *w)
{
    if (w->fd >= 0)
        layer_remove(w->store->dir, w->name);
    cleanup_close_p(&w->fd);
}
