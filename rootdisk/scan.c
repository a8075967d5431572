/* Reads a directory tree's metadata: names sorted, statx, attributes, link targets, holes; never file contents.
 *
 * Depth first, and one descriptor at a time: a directory is opened from its parent by name and left through
 * "..", which must be the parent still.  So neither PATH_MAX nor the limit of open files bounds the depth.
 * Attributes are read as /proc/self/fd/<directory>/<name>: there is no *at call for them before Linux 6.13,
 * and opening every file would cost more and wake devices.
 *
 * What is mounted inside the tree belongs to the running system, not to the image: it is carried as an
 * empty directory (or file) of the same owner, mode and time. */
#include "rootdisk/scan.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "rootdisk/holes.h"
#include "rootdisk/xattr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A directory on the way down. */
struct level {
    uint32_t node;
    uint32_t next; /* the entry to look at next */
};

/* Nodes that may have further links: an open-addressing table. */
struct link {
    uint64_t dev, ino;
    uint32_t node; /* TREE_ROOT, which has no links: free, or not known yet */
};

struct scan {
    struct tree *tree;
    bool cross_mounts;
    int dir; /* the directory being looked at */
    struct level *stack;
    size_t depth, stack_cap;
    struct link *links;
    size_t link_count, link_cap; /* cap: 0 or a power of two */
    struct buf scratch;
    unsigned whiteouts;    /* 0:0 character devices that were left out */
    struct entry whiteout; /* the first one's name and directory */
    struct err *err;
};

/* "cannot do it: PATH: why" with errno; name may be NULL: the directory itself. */
static int fail(struct scan *s, const char *what, uint32_t dir, const char *name)
{
    char path[512];
    int saved = errno;
    tree_path(s->tree, dir, path, sizeof(path));
    errno = saved;
    return err_sys(s->err, "%s %s%s%s", what, path, name && path[1] ? "/" : "", name ? name : "");
}

/* --- hardlinks --------------------------------------------------------------------------------- */

static struct link *link_slot(const struct scan *s, uint64_t dev, uint64_t ino)
{
    uint64_t hash = (ino ^ (dev << 32)) * 0x9e3779b97f4a7c15u;
    for (size_t i = hash >> 32;; i++) {
        struct link *l = &s->links[i & (s->link_cap - 1)];
        if (l->node == TREE_ROOT || (l->ino == ino && l->dev == dev))
            return l;
    }
}

static int links_grow(struct scan *s)
{
    struct link *old = s->links;
    size_t old_cap = s->link_cap, cap = old_cap ? old_cap * 2 : 256;
    struct link *links = calloc(cap, sizeof(*links));
    if (!links)
        return -1;
    s->links = links;
    s->link_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].node != TREE_ROOT)
            *link_slot(s, old[i].dev, old[i].ino) = old[i];
    free(old);
    return 0;
}

/* The table's place for this inode: its node is TREE_ROOT when it is new.  NULL without memory. */
static struct link *link_find(struct scan *s, uint64_t dev, uint64_t ino)
{
    if (s->link_count * 2 >= s->link_cap && links_grow(s) < 0)
        return NULL;
    struct link *l = link_slot(s, dev, ino);
    l->dev = dev;
    l->ino = ino;
    return l;
}

/* --- one inode --------------------------------------------------------------------------------- */

static int read_attributes(struct scan *s, struct node *n, const char *name)
{
    char path[64 + NAME_MAX];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", s->dir, name);
    s->scratch.len = 0;
    struct err why = {0};
    if (xattr_read(&s->scratch, path, &why) < 0) {
        tree_path(s->tree, n->parent, path, sizeof(path));
        return err_set(s->err, "%s%s%s: %s", path, path[1] ? "/" : "", name, why.text);
    }
    n->xattrs = (uint32_t)s->scratch.len;
    return 0;
}

static int read_target(struct scan *s, struct node *n, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(s->dir, name, target, sizeof(target));
    if (len < 0)
        return fail(s, "cannot read the link", n->parent, name);
    if (len == sizeof(target)) {
        errno = ENAMETOOLONG;
        return fail(s, "cannot carry the link", n->parent, name);
    }
    n->size = (uint64_t)len;
    buf_add(&s->scratch, target, (size_t)len);
    return 0;
}

/* Only of a sparse file: others are not opened here.  Where it cannot be read, its reading will tell. */
static void read_holes(struct scan *s, struct node *n, const char *name)
{
    cleanup_close int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == n->ino &&
        holes_find(fd, n->size, &s->scratch))
        n->flags |= NODE_HOLES;
}

/* Whether something is mounted there that is not to be carried. */
static bool is_barred(const struct scan *s, const struct statx *st)
{
    return !s->cross_mounts && (st->stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static void fill_node(const struct scan *s, struct node *n, const struct statx *st)
{
    bool mount = is_barred(s, st);
    n->ino = st->stx_ino;
    n->mtime = st->stx_mtime.tv_sec;
    n->mtime_ns = st->stx_mtime.tv_nsec;
    n->mode = st->stx_mode;
    n->uid = st->stx_uid;
    n->gid = st->stx_gid;
    if (S_ISREG(n->mode) && !mount) {
        n->size = st->stx_size;
        n->flags = st->stx_blocks < (st->stx_size + 511) / 512 ? NODE_SPARSE : 0;
    }
    if (S_ISCHR(n->mode) || S_ISBLK(n->mode))
        n->rdev = tree_device(st->stx_rdev_major, st->stx_rdev_minor);
    else
        n->dev = tree_device(st->stx_dev_major, st->stx_dev_minor);
    if (mount)
        n->flags |= NODE_MOUNT;
}

/* Adds the inode called name of the directory `parent` (s->dir).  Its node, or TREE_NONE with *err set. */
static uint32_t add_inode(struct scan *s, uint32_t parent, uint32_t name, const struct statx *st)
{
    struct node n = {.parent = parent, .name = name};
    const char *text = parent == TREE_NONE ? "." : tree_name(s->tree, name);
    if (parent == TREE_NONE)
        n.parent = TREE_ROOT;
    fill_node(s, &n, st);
    if (parent == TREE_NONE)
        n.flags &= (uint16_t)~NODE_MOUNT;
    if (read_attributes(s, &n, text) < 0 || (S_ISLNK(n.mode) && read_target(s, &n, text) < 0))
        return TREE_NONE;
    if (n.flags & NODE_SPARSE)
        read_holes(s, &n, text);
    uint32_t node = TREE_NONE;
    n.blob = buf_failed(&s->scratch) ? TREE_NONE : tree_add_blob(s->tree, s->scratch.data, s->scratch.len);
    if (n.blob != TREE_NONE)
        node = tree_add_node(s->tree, &n);
    if (node == TREE_NONE)
        fail(s, "cannot scan", n.parent, NULL);
    return node;
}

/* --- one directory ----------------------------------------------------------------------------- */

/* Looks at one name of the directory: 1 when the entry stays, 0 when it is to be left out, -1 on error. */
static int scan_entry(struct scan *s, uint32_t dir, struct entry *e)
{
    const char *name = tree_name(s->tree, e->name);
    struct statx st;
    if (statx(s->dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) < 0)
        return errno == ENOENT ? 0 : fail(s, "cannot look at", dir, name); /* gone since it was listed */
    bool mount = is_barred(s, &st);
    if (S_ISCHR(st.stx_mode) && st.stx_rdev_major == 0 && st.stx_rdev_minor == 0) {
        if (s->whiteouts++ == 0)
            s->whiteout = (struct entry){.name = e->name, .node = dir};
        return 0;
    }
    struct link *link = NULL;
    if (st.stx_nlink > 1 && !S_ISDIR(st.stx_mode) && !mount) {
        link = link_find(s, (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino);
        if (!link)
            return fail(s, "cannot scan", dir, name);
        if (link->node != TREE_ROOT)
            e->node = link->node;
    }
    if (e->node == TREE_NONE)
        e->node = add_inode(s, dir, e->name, &st);
    if (e->node == TREE_NONE)
        return -1;
    if (link && link->node == TREE_ROOT) {
        link->node = e->node;
        s->link_count++;
    }
    s->tree->nodes[e->node].nlink += S_ISDIR(st.stx_mode) ? 2 : 1; /* its name and its "." */
    s->tree->nodes[dir].nlink += S_ISDIR(st.stx_mode);             /* its ".." */
    return 1;
}

/* Appends the directory's names, "." and ".." too, sorted. */
static int read_names(struct scan *s, uint32_t dir)
{
    struct tree *t = s->tree;
    uint32_t first = t->nodes[dir].first = t->entry_count;
    if (tree_add_entry(t, ".", dir) == TREE_NONE || tree_add_entry(t, "..", t->nodes[dir].parent) == TREE_NONE)
        return fail(s, "cannot scan", dir, NULL);
    if (t->nodes[dir].flags & NODE_MOUNT)
        return 0;
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* s->dir may be O_PATH */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return fail(s, "cannot read the directory", dir, NULL);
    }
    struct dirent *de;
    while (errno = 0, (de = readdir(d)))
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
            tree_add_entry(t, de->d_name, TREE_NONE) == TREE_NONE)
            break;
    int rc = errno ? fail(s, "cannot read the directory", dir, NULL) : 0;
    closedir(d);
    tree_sort(t, first);
    return rc;
}

static int scan_directory(struct scan *s, uint32_t dir)
{
    struct tree *t = s->tree;
    if (read_names(s, dir) < 0)
        return -1;
    uint32_t out = t->nodes[dir].first;
    const char *last = "";
    for (uint32_t i = out; i < t->entry_count; i++) {
        struct entry e = t->entries[i];
        int keep = 1;
        if (strcmp(tree_name(t, e.name), last) == 0) /* listed twice: it was renamed meanwhile */
            keep = 0;
        else if (e.node == TREE_NONE)
            keep = scan_entry(s, dir, &e);
        last = tree_name(t, e.name);
        if (keep < 0)
            return -1;
        if (keep)
            t->entries[out++] = e;
    }
    t->entry_count = out;
    t->nodes[dir].count = out - t->nodes[dir].first;
    return 0;
}

/* --- down and up ------------------------------------------------------------------------------- */

/* Moves s->dir to what name leads to and checks that it is the inode of `node`. */
static int move(struct scan *s, const char *name, uint32_t node)
{
    int fd = openat(s->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return fail(s, "cannot open the directory", node, NULL);
    }
    close(s->dir);
    s->dir = fd;
    const struct node *n = &s->tree->nodes[node];
    if (st.st_ino == n->ino && tree_device(major(st.st_dev), minor(st.st_dev)) == n->dev)
        return 0;
    errno = ESTALE;
    return fail(s, "moved while being scanned:", node, NULL);
}

static int push(struct scan *s, uint32_t node)
{
    if (s->depth == s->stack_cap) {
        size_t cap = s->stack_cap ? s->stack_cap * 2 : 64;
        struct level *stack = realloc(s->stack, cap * sizeof(*stack));
        if (!stack)
            return fail(s, "cannot scan", node, NULL);
        s->stack = stack;
        s->stack_cap = cap;
    }
    s->stack[s->depth++] = (struct level){.node = node, .next = s->tree->nodes[node].first};
    return 0;
}

/* The level's next subdirectory to go into, or TREE_NONE. */
static uint32_t next_directory(const struct tree *t, struct level *l)
{
    const struct node *dir = &t->nodes[l->node];
    while (l->next < dir->first + dir->count) {
        uint32_t child = t->entries[l->next++].node;
        if (S_ISDIR(t->nodes[child].mode) && child > l->node) /* "." and ".." are older */
            return child;
    }
    return TREE_NONE;
}

static int walk(struct scan *s)
{
    if (scan_directory(s, TREE_ROOT) < 0 || push(s, TREE_ROOT) < 0)
        return -1;
    while (s->depth > 0) {
        if (cancel_wanted())
            return err_set(s->err, "the scan was cancelled");
        uint32_t child = next_directory(s->tree, &s->stack[s->depth - 1]);
        if (child == TREE_NONE) {
            if (--s->depth > 0 && move(s, "..", s->stack[s->depth - 1].node) < 0)
                return -1;
            continue;
        }
        bool mount = s->tree->nodes[child].flags & NODE_MOUNT;
        if (!mount && move(s, tree_name(s->tree, s->tree->nodes[child].name), child) < 0)
            return -1;
        if (scan_directory(s, child) < 0 || (!mount && push(s, child) < 0))
            return -1;
    }
    return 0;
}

static void warn_whiteouts(const struct scan *s)
{
    if (s->whiteouts == 0)
        return;
    char path[512];
    tree_path(s->tree, s->whiteout.node, path, sizeof(path));
    log_warn("left out %u character devices 0:0, the first is %s%s%s: overlayfs reads them as deleted files",
             s->whiteouts, path, path[1] ? "/" : "", tree_name(s->tree, s->whiteout.name));
}

int scan_tree(struct tree *t, int root, bool cross_mounts, struct err *err)
{
    struct scan s = {.tree = t, .cross_mounts = cross_mounts, .err = err};
    struct statx st;
    int rc = -1;
    s.dir = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s.dir < 0 || statx(s.dir, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0)
        err_sys(err, "cannot open the root directory");
    else if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
        err_set(err, "cannot tell mounts from directories (Linux 5.8 or later is needed)");
    else if (access("/proc/self/fd", X_OK) < 0)
        err_sys(err, "cannot read extended attributes without /proc");
    else if (add_inode(&s, TREE_NONE, 0, &st) != TREE_NONE) {
        t->nodes[TREE_ROOT].nlink = 2;
        rc = walk(&s);
        warn_whiteouts(&s);
    }
    if (s.dir >= 0)
        close(s.dir);
    free(s.stack);
    free(s.links);
    buf_free(&s.scratch);
    return rc;
}
