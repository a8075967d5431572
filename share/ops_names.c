#include "common/cleanup.h"
#include "share/actor.h"
#include "share/modes.h"
#include "share/reply.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

bool mode_gives_rights(mode_t mode)
{
    const mode_t group = S_ISGID | S_IXGRP;
    return S_ISREG(mode) && (mode & S_ISUID || (mode & group) == group);
}

/* Acts as the guest's process that asked. */
static int as_requester(fuse_req_t req)
{
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    return actor_as(ctx->uid, ctx->gid);
}

/* The guest's kernel leaves the umask to us (FUSE_CAP_DONT_MASK), since it does not apply in a folder with a default
 * ACL.  Each thread has its own (share/serve.c). */
static void mask(fuse_req_t req)
{
    umask(fuse_req_ctx(req)->umask & 0777);
}

/* Acts as the owner of a file or folder, who may remove and link it. */
static int as_owner(const struct node *node)
{
    struct statx st;
    return attributes_read(node->fd, &st) < 0 ? -1 : actor_as(st.stx_uid, st.stx_gid);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    cleanup_node struct node *folder = nodes_use(share_of(req)->nodes, parent);
    reply_entry(req, folder ? 0 : -1, folder ? folder->fd : -1, name);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
    nodes_forget(share_of(req)->nodes, ino, lookups);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        nodes_forget(share_of(req)->nodes, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* Only the names of sockets and FIFOs are shared: data sent through them stays in the guest, or on the host. */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)rdev;
    struct share *s = share_of(req);
    cleanup_node struct node *folder = nodes_use(s->nodes, parent);
    int made = folder ? nodes_room(s->nodes) : -1;
    if (!S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
        made = (errno = EPERM, -1);
    if (!s->suid && mode_gives_rights(mode))
        made = (errno = EPERM, -1);
    if (made == 0 && (made = as_requester(req)) == 0) {
        mask(req);
        made = mknodat(folder->fd, name, mode, 0);
        actor_self();
    }
    reply_entry(req, made, made < 0 ? -1 : folder->fd, name);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    cleanup_node struct node *folder = nodes_use(share_of(req)->nodes, parent);
    int made = folder && nodes_room(share_of(req)->nodes) == 0 ? as_requester(req) : -1;
    if (made == 0) {
        mask(req);
        made = mkdirat(folder->fd, name, mode);
        actor_self();
    }
    reply_entry(req, made, made < 0 ? -1 : folder->fd, name);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    cleanup_node struct node *folder = nodes_use(share_of(req)->nodes, parent);
    int made = folder && nodes_room(share_of(req)->nodes) == 0 ? as_requester(req) : -1;
    if (made == 0) {
        made = symlinkat(target, folder->fd, name);
        actor_self();
    }
    reply_entry(req, made, made < 0 ? -1 : folder->fd, name);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    char target[PATH_MAX];
    cleanup_node struct node *node = nodes_use(share_of(req)->nodes, ino);
    ssize_t n = node ? readlinkat(node->fd, "", target, sizeof(target) - 1) : -1;
    if (n < 0) {
        reply_errno(req);
        return;
    }
    target[n] = '\0';
    fuse_reply_readlink(req, target);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    struct nodes *nodes = share_of(req)->nodes;
    cleanup_node struct node *node = nodes_use(nodes, ino);
    cleanup_node struct node *folder = node ? nodes_use(nodes, parent) : NULL;
    int made = folder ? as_owner(node) : -1;
    if (made == 0) {
        made = linkat(AT_FDCWD, fd_name(node->fd).text, folder->fd, name, AT_SYMLINK_FOLLOW);
        actor_self();
    }
    reply_entry(req, made, made < 0 ? -1 : folder->fd, name);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, int flags)
{
    cleanup_node struct node *folder = nodes_use(share_of(req)->nodes, parent);
    int r = folder ? as_owner(folder) : -1;
    if (r == 0) {
        r = unlinkat(folder->fd, name, flags);
        actor_self();
    }
    reply_result(req, r);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, parent, name, 0);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, parent, name, AT_REMOVEDIR);
}

/* RENAME_WHITEOUT would make a device. */
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *as, unsigned flags)
{
    struct nodes *nodes = share_of(req)->nodes;
    cleanup_node struct node *from = nodes_use(nodes, parent);
    cleanup_node struct node *into = from ? nodes_use(nodes, to) : NULL;
    int r = into ? 0 : -1;
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        r = (errno = EINVAL, -1);
    if (r == 0 && (r = as_owner(from)) == 0) {
        r = renameat2(from->fd, name, into->fd, as, flags);
        actor_self();
    }
    reply_result(req, r);
}
