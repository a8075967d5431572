/* Reads a directory tree's metadata: names sorted, statx, attributes, link targets, holes; never file contents.
 *
 * Depth first.  The working directory is the directory being scanned, so that attributes can be read by a name in it:
 * before Linux 6.13, there is no *at call for that, and every other way is slower or wakes devices.  On the way up, the
 * scan need not return to the parent: it opens the next directory from the parent's descriptor.  The uppermost
 * directories are held open; the scan leaves the others through "..", which must still be the parent.  So neither
 * PATH_MAX nor the limit of open files bounds the depth.
 *
 * A mount inside the tree belongs to the running system, not to the image, where it becomes an empty directory (or
 * file) of the same owner, mode and time. */
#include "rootdisk/scan.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "rootdisk/holes.h"
#include "rootdisk/links.h"
#include "rootdisk/xattr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
    LEVELS_OPEN = 32,   /* the uppermost, that are held open */
    LOOKS_PER_ASK = 256 /* entries between two checks for cancellation */
};

/* A directory on the way down. */
struct level {
    uint32_t node;
    uint32_t next; /* the entry to look at next */
    int fd;        /* -1: to be opened as its child's ".." */
};

struct scan {
    struct tree *tree;
    bool cross_mounts;
    struct level *stack; /* its last one always has its fd */
    size_t depth, stack_cap;
    struct links links;
    struct buf scratch;
    unsigned whiteouts;    /* 0:0 character devices that were left out */
    struct entry whiteout; /* the first one's name and directory */
    unsigned looks;        /* at entries */
    struct err *err;
    _Alignas(struct dirent64) char names[32 << 10]; /* as the kernel lists them */
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

/* --- one inode --------------------------------------------------------------------------------- */

static int read_attributes(struct scan *s, struct node *n, const char *name)
{
    char path[512];
    struct err why = {0};
    s->scratch.len = 0;
    if (xattr_read(&s->scratch, name, &why) < 0) {
        tree_path(s->tree, n->parent, path, sizeof(path));
        return err_set(s->err, "%s%s%s: %s", path, path[1] ? "/" : "", name, why.text);
    }
    n->xattrs = (uint32_t)s->scratch.len;
    return 0;
}

static int read_target(struct scan *s, struct node *n, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlink(name, target, sizeof(target));
    if (len < 0)
        return fail(s, "cannot read the link", n->parent, name);
    if (len == sizeof(target)) {
        errno = ENAMETOOLONG;
        return fail(s, "cannot store the link", n->parent, name);
    }
    n->size = (uint64_t)len;
    buf_add(&s->scratch, target, (size_t)len);
    return 0;
}

/* For sparse files only: others are not opened here.  If the file cannot be read, a later read reports that. */
static void read_holes(struct scan *s, struct node *n, const char *name)
{
    cleanup_close int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == n->ino &&
        holes_find(fd, n->size, &s->scratch))
        n->flags |= NODE_HOLES;
}

/* Whether something is mounted there that the image leaves out. */
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

/* Adds the inode called name of the directory `parent`, the working directory.  Its node, or TREE_NONE with *err set.
 */
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
    if (buf_failed(&s->scratch))
        errno = ENOMEM;
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
    if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) < 0)
        return errno == ENOENT ? 0 : fail(s, "cannot examine", dir, name); /* gone since it was listed */
    bool mount = is_barred(s, &st);
    if (S_ISCHR(st.stx_mode) && st.stx_rdev_major == 0 && st.stx_rdev_minor == 0) {
        if (s->whiteouts++ == 0)
            s->whiteout = (struct entry){.name = e->name, .node = dir};
        return 0;
    }
    struct link *link = NULL;
    if (st.stx_nlink > 1 && !S_ISDIR(st.stx_mode) && !mount) {
        link = links_find(&s->links, (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino);
        if (!link)
            return fail(s, "cannot scan", dir, name);
        if (link->node != TREE_ROOT)
            e->node = link->node;
    }
    if (e->node == TREE_NONE)
        e->node = add_inode(s, dir, e->name, &st);
    if (e->node == TREE_NONE)
        return -1;
    if (link && link->node == TREE_ROOT)
        links_set(&s->links, link, e->node);
    s->tree->nodes[e->node].nlink += S_ISDIR(st.stx_mode) ? 2 : 1; /* its name and its "." */
    s->tree->nodes[dir].nlink += S_ISDIR(st.stx_mode);             /* its ".." */
    return 1;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Appends the directory's names, "." and ".." too, sorted.  fd: -1 if there is nothing to read. */
static int read_names(struct scan *s, uint32_t dir, int fd)
{
    struct tree *t = s->tree;
    uint32_t first = t->nodes[dir].first = t->entry_count;
    if (tree_add_entry(t, ".", dir) == TREE_NONE || tree_add_entry(t, "..", t->nodes[dir].parent) == TREE_NONE)
        return fail(s, "cannot scan", dir, NULL);
    ssize_t len;
    while (fd >= 0 && (len = getdents64(fd, s->names, sizeof(s->names))) != 0) {
        if (len < 0)
            return fail(s, "cannot read the directory", dir, NULL);
        const struct dirent64 *entry;
        for (const char *at = s->names; at < s->names + len; at += entry->d_reclen) {
            entry = (const void *)at;
            if (!is_dots(entry->d_name) && tree_add_entry(t, entry->d_name, TREE_NONE) == TREE_NONE)
                return fail(s, "cannot scan", dir, NULL);
        }
    }
    tree_sort(t, first);
    return 0;
}

static int scan_directory(struct scan *s, uint32_t dir, int fd)
{
    struct tree *t = s->tree;
    if (read_names(s, dir, fd) < 0)
        return -1;
    uint32_t out = t->nodes[dir].first;
    const char *last = "";
    for (uint32_t i = out; i < t->entry_count; i++) {
        struct entry e = t->entries[i];
        int keep = 1;
        if (s->looks++ % LOOKS_PER_ASK == 0 && cancel_wanted())
            return err_set(s->err, "the scan was cancelled");
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

static int close_and_fail(struct scan *s, int fd, const char *what, uint32_t node)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return fail(s, what, node, NULL);
}

/* Opens the directory that name leads to from `from`; it must be the inode of `node`. */
static int open_directory(struct scan *s, int from, const char *name, uint32_t node)
{
    const struct node *n = &s->tree->nodes[node];
    struct stat st;
    int fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return close_and_fail(s, fd, "cannot open the directory", node);
    if (st.st_ino != n->ino || tree_device(major(st.st_dev), minor(st.st_dev)) != n->dev) {
        errno = ESTALE;
        return close_and_fail(s, fd, "moved during the scan:", node);
    }
    return fd;
}

/* One level down: fd is taken. */
static int push(struct scan *s, uint32_t node, int fd)
{
    if (s->depth == s->stack_cap) {
        size_t cap = s->stack_cap ? s->stack_cap * 2 : 64;
        struct level *stack = realloc(s->stack, cap * sizeof(*stack));
        if (!stack)
            return close_and_fail(s, fd, "cannot scan", node);
        s->stack = stack;
        s->stack_cap = cap;
    }
    if (s->depth > LEVELS_OPEN)
        close(steal_fd(&s->stack[s->depth - 1].fd));
    s->stack[s->depth++] = (struct level){.node = node, .next = s->tree->nodes[node].first, .fd = fd};
    return 0;
}

/* One level up, if there is one.  The working directory stays: only scan_directory needs it. */
static int pop(struct scan *s)
{
    struct level *gone = &s->stack[--s->depth], *up = s->depth > 0 ? gone - 1 : NULL;
    if (up && up->fd < 0)
        up->fd = open_directory(s, gone->fd, "..", up->node);
    close(gone->fd);
    return up && up->fd < 0 ? -1 : 0;
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

/* What is mounted there stays out: an empty directory. */
static int scan_child(struct scan *s, uint32_t child)
{
    const struct node *n = &s->tree->nodes[child];
    if (n->flags & NODE_MOUNT)
        return scan_directory(s, child, -1);
    int fd = open_directory(s, s->stack[s->depth - 1].fd, tree_name(s->tree, n->name), child);
    if (fd < 0)
        return -1;
    if (fchdir(fd) < 0)
        return close_and_fail(s, fd, "cannot enter the directory", child);
    int rc = scan_directory(s, child, fd);
    return push(s, child, fd) < 0 ? -1 : rc;
}

/* root: taken. */
static int walk(struct scan *s, int root)
{
    int rc = scan_directory(s, TREE_ROOT, root);
    if (push(s, TREE_ROOT, root) < 0)
        return -1;
    while (rc == 0 && s->depth > 0) {
        uint32_t child = next_directory(s->tree, &s->stack[s->depth - 1]);
        rc = child == TREE_NONE ? pop(s) : scan_child(s, child);
    }
    while (s->depth > 0)
        if (s->stack[--s->depth].fd >= 0)
            close(s->stack[s->depth].fd);
    return rc;
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

/* root: taken; the working directory. */
static int scan_root(struct scan *s, int root)
{
    struct statx st;
    int rc = -1;
    if (statx(root, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0 || fchdir(root) < 0)
        err_sys(s->err, "cannot open the root directory");
    else if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
        err_set(s->err, "cannot tell mounts from directories (Linux 5.8 or later is needed)");
    else if (add_inode(s, TREE_NONE, 0, &st) != TREE_NONE) {
        s->tree->nodes[TREE_ROOT].nlink = 2;
        rc = walk(s, steal_fd(&root));
        warn_whiteouts(s);
    }
    if (root >= 0)
        close(root);
    return rc;
}

int scan_tree(struct tree *t, int root, bool cross_mounts, struct err *err)
{
    struct scan s = {.tree = t, .cross_mounts = cross_mounts, .err = err};
    cleanup_close int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* root may be O_PATH */
    if (back < 0 || dir < 0) {
        err_sys(err, "cannot open the %s directory", back < 0 ? "working" : "root");
        if (dir >= 0)
            close(dir);
        return -1;
    }
    int rc = scan_root(&s, dir);
    if (fchdir(back) < 0)
        rc = err_sys(err, "cannot return to the working directory");
    free(s.stack);
    links_free(&s.links);
    buf_free(&s.scratch);
    return rc;
}
