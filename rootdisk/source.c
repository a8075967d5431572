#include "rootdisk/source.h"

#include "common/beneath.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Opens the file by the names from the root down, none of which may have become a link.  It goes one component at a
 * time, without openat2, because a disk's server may make no call that could open a file for writing
 * (common/sandbox_roles.c).  Together, the names may be longer than PATH_MAX. */
static int open_path(const struct tree *t, int root, uint32_t node, int flags)
{
    char usual[PATH_MAX], *path = usual;
    cleanup_free char *large = NULL;
    size_t len = 0;
    for (uint32_t n = node; n != TREE_ROOT; n = t->nodes[n].parent)
        len += strlen(tree_name(t, t->nodes[n].name)) + 1;
    if (len > sizeof(usual) && !(path = large = malloc(len)))
        return -1;
    for (size_t at = len; node != TREE_ROOT; node = t->nodes[node].parent) {
        const char *name = tree_name(t, t->nodes[node].name);
        size_t name_len = strlen(name);
        path[at - 1] = at == len ? '\0' : '/';
        at -= name_len + 1;
        memcpy(path + at, name, name_len);
    }
    return beneath_walk(root, path, flags, 0);
}

int source_check(const struct tree *t, int fd, uint32_t node)
{
    const struct node *n = &t->nodes[node];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == n->size && st.st_ino == n->ino &&
        tree_device(major(st.st_dev), minor(st.st_dev)) == n->dev && st.st_nlink > 0 && st.st_mtim.tv_sec == n->mtime &&
        (uint32_t)st.st_mtim.tv_nsec == n->mtime_ns)
        return 0;
    errno = ESTALE;
    return -1;
}

int source_open(const struct tree *t, int root, uint32_t node)
{
    /* If this is a FIFO or a terminal by now, the open must not wait for a writer or take the terminal. */
    cleanup_close int fd = open_path(t, root, node, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || source_check(t, fd, node) < 0)
        return -1;
    return steal_fd(&fd);
}

void source_cache_init(struct source_cache *c)
{
    for (int i = 0; i < SOURCE_SLOTS; i++)
        c->slot[i].fd = -1;
}

void source_cache_clear(struct source_cache *c)
{
    for (int i = 0; i < SOURCE_SLOTS; i++)
        if (c->slot[i].fd >= 0)
            close(c->slot[i].fd);
    source_cache_init(c);
}

/* The node's descriptor, opened into its slot when it is not there. */
static int cached(struct source_cache *c, const struct tree *t, int root, uint32_t node)
{
    int *fd = &c->slot[node % SOURCE_SLOTS].fd;
    uint32_t *owner = &c->slot[node % SOURCE_SLOTS].node;
    if (*fd >= 0 && *owner == node)
        return *fd;
    if (*fd >= 0)
        close(*fd);
    *fd = source_open(t, root, node);
    if (*fd < 0 && errno == EMFILE) {
        source_cache_clear(c);
        *fd = source_open(t, root, node);
    }
    *owner = node;
    return *fd;
}

int source_read(struct source_cache *c, const struct tree *t, int root, uint32_t node, void *out, size_t len,
                uint64_t offset)
{
    int fd = cached(c, t, root, node);
    if (fd < 0)
        return -1;
    ssize_t n = io_pread_full(fd, out, len, (off_t)offset);
    if (n >= 0 && source_check(t, fd, node) == 0) {
        if ((size_t)n == len)
            return 0;
        errno = ESTALE;
    }
    /* What the name leads to next time may be the file that was scanned: do not hold on to this one. */
    int saved = errno;
    close(fd);
    c->slot[node % SOURCE_SLOTS].fd = -1;
    errno = saved;
    return -1;
}
