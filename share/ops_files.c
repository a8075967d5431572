#include "common/cleanup.h"
#include "share/actor.h"
#include "share/check.h"
#include "share/modes.h"
#include "share/reply.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

/* The flags of the guest that go to the host's kernel.  Not O_DIRECT, which would require aligned memory; not
 * O_NOATIME, which only owners may use; and not O_APPEND, which each write has instead. */
static int flags_of(const struct fuse_file_info *fi)
{
    return fi->flags & (O_ACCMODE | O_TRUNC | O_DSYNC | O_SYNC);
}

/* Opens a node's file again, for its content.  For regular files only: opening a FIFO would wait, and opening a device
 * does whatever its driver does. */
static int open_again(int fd, mode_t type, int flags)
{
    if (type != S_IFREG)
        return errno = type == S_IFDIR ? EISDIR : type == S_IFLNK ? ELOOP : EINVAL, -1;
    return open(fd_name(fd).text, flags | O_CLOEXEC | O_NOCTTY);
}

static bool is_unnamed(const char *name)
{
    return strcmp(name, CHECK_UNNAMED) == 0;
}

static int make_file(fuse_req_t req, int folder, const char *name, mode_t mode, int flags)
{
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    mode &= 07777;
    if (!share_of(req)->suid && mode_gives_rights(S_IFREG | mode))
        return errno = EPERM, -1;
    if (actor_as(ctx->uid, ctx->gid) < 0)
        return -1;
    umask(ctx->umask & 0777);
    int fd = is_unnamed(name) ? openat(folder, ".", flags | O_TMPFILE | O_CLOEXEC, mode)
                              : openat(folder, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    actor_self();
    return fd;
}

/* The entry of a file that was made, or was there (fd < 0). */
static int find_made(struct share *s, int folder, const char *name, int fd, struct fuse_entry_param *e)
{
    return is_unnamed(name) ? entry_enter(s, open(fd_name(fd).text, O_PATH | O_CLOEXEC), e)
                            : entry_find(s, folder, name, e);
}

/* If somebody else has created the file meanwhile, that file is opened. */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    struct share *s = share_of(req);
    struct fuse_entry_param e = {0};
    cleanup_node struct node *folder = nodes_use(s->nodes, parent);
    bool room = folder && nodes_room(s->nodes) == 0;
    cleanup_close int fd = room ? make_file(req, folder->fd, name, mode, flags_of(fi)) : -1;
    bool there = fd < 0 && room && errno == EEXIST && !(fi->flags & O_EXCL);
    if ((fd < 0 && !there) || find_made(s, folder->fd, name, fd, &e) < 0) {
        reply_errno(req);
        return;
    }
    cleanup_node struct node *node = nodes_use(s->nodes, e.ino);
    if (there && node)
        fd = open_again(node->fd, node->type, flags_of(fi));
    fi->fh = !node || fd < 0 ? 0 : handles_add(s->handles, steal_fd(&fd), false);
    if (!fi->fh)
        reply_errno(req);
    if (!fi->fh || fuse_reply_create(req, &e, fi) < 0) {
        nodes_forget(s->nodes, e.ino, 1);
        handles_close(s->handles, fi->fh, false);
    }
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct share *s = share_of(req);
    cleanup_node struct node *node = nodes_use(s->nodes, ino);
    int fd = node ? open_again(node->fd, node->type, flags_of(fi)) : -1;
    fi->fh = fd < 0 ? 0 : handles_add(s->handles, fd, false);
    if (!fi->fh)
        reply_errno(req);
    else if (fuse_reply_open(req, fi) < 0)
        handles_close(s->handles, fi->fh, false);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)ino;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, false);
    ssize_t n = h ? pread(h->fd, reply_buffer(), size, offset) : -1;
    if (n < 0)
        reply_errno(req);
    else
        fuse_reply_buf(req, reply_buffer(), (size_t)n);
}

/* An append goes to the present end of the host's file.  Pages of a shared mapping keep their place, even if the file
 * was opened for appending. */
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)ino;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, false);
    const struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    int append = fi->flags & O_APPEND && !fi->writepage ? RWF_APPEND : 0;
    ssize_t n = h ? pwritev2(h->fd, &part, 1, offset, append) : -1;
    if (n < 0)
        reply_errno(req);
    else
        fuse_reply_write(req, (size_t)n);
}

/* NFS and the like report a failed write when the file is closed.  Elsewhere the guest's kernel need not ask, and after
 * ENOSYS it does not ask again. */
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    struct share *s = share_of(req);
    cleanup_handle struct handle *h = s->remote ? handles_use(s->handles, fi->fh, false) : NULL;
    if (!s->remote) {
        fuse_reply_err(req, ENOSYS);
        return;
    }
    int copy = h ? fcntl(h->fd, F_DUPFD_CLOEXEC, 3) : -1;
    reply_result(req, copy < 0 ? -1 : close(copy));
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *fi)
{
    (void)ino;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, false);
    reply_result(req, !h ? -1 : only_data ? fdatasync(h->fd) : fsync(h->fd));
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    handles_close(share_of(req)->handles, fi->fh, false);
    fuse_reply_err(req, 0);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len, struct fuse_file_info *fi)
{
    (void)ino;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, false);
    reply_result(req, h ? fallocate(h->fd, mode, offset, len) : -1);
}

/* The guest's kernel asks only for these two; others would move a position that other threads use. */
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
    (void)ino;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, false);
    off_t found = -1;
    if (whence != SEEK_DATA && whence != SEEK_HOLE)
        errno = EINVAL;
    else if (h)
        found = lseek(h->fd, offset, whence);
    if (found < 0)
        reply_errno(req);
    else
        fuse_reply_lseek(req, found);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino, off_t offset, struct fuse_file_info *fi, fuse_ino_t to,
                        off_t to_offset, struct fuse_file_info *to_fi, size_t len, int flags)
{
    (void)ino, (void)to;
    const size_t at_once = 64 << 20; /* so that a thread is soon free again; the guest asks for the rest */
    struct handles *handles = share_of(req)->handles;
    cleanup_handle struct handle *from = handles_use(handles, fi->fh, false);
    cleanup_handle struct handle *into = from ? handles_use(handles, to_fi->fh, false) : NULL;
    ssize_t n =
        into ? copy_file_range(from->fd, &offset, into->fd, &to_offset, len < at_once ? len : at_once, (unsigned)flags)
             : -1;
    if (n < 0)
        reply_errno(req);
    else
        fuse_reply_write(req, (size_t)n);
}
