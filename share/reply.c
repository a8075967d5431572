#include "share/reply.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

static _Thread_local char *buffer_here;

char *reply_buffer(void)
{
    return buffer_here;
}

void reply_buffer_set(char *buffer)
{
    buffer_here = buffer;
}

struct fd_name fd_name(int fd)
{
    struct fd_name name;
    snprintf(name.text, sizeof(name.text), "%d", fd);
    return name;
}

int attributes_read(int fd, struct statx *st)
{
    return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, st);
}

static struct timespec time_of(struct statx_timestamp t)
{
    return (struct timespec){.tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec};
}

struct stat attributes_of(const struct share *s, const struct statx *st)
{
    struct stat out = {.st_dev = makedev(st->stx_dev_major, st->stx_dev_minor),
                       .st_ino = st->stx_ino,
                       .st_mode = st->stx_mode,
                       .st_nlink = st->stx_nlink,
                       .st_uid = st->stx_uid,
                       .st_gid = st->stx_gid,
                       .st_rdev = makedev(st->stx_rdev_major, st->stx_rdev_minor),
                       .st_size = (off_t)st->stx_size,
                       .st_blksize = st->stx_blksize,
                       .st_blocks = (blkcnt_t)st->stx_blocks,
                       .st_atim = time_of(st->stx_atime),
                       .st_mtim = time_of(st->stx_mtime),
                       .st_ctim = time_of(st->stx_ctime)};
    /* The guest sees one device: files on mounts inside the folder must not look like hard links of other files. */
    if (out.st_dev != s->dev)
        out.st_ino ^= out.st_dev << 40;
    return out;
}

int entry_enter(struct share *s, int fd, struct fuse_entry_param *e)
{
    struct statx st;
    cleanup_close int taken = fd;
    if (fd < 0 || attributes_read(fd, &st) < 0)
        return -1;
    uint64_t id = nodes_enter(s->nodes, steal_fd(&taken), &st);
    if (!id)
        return -1;
    *e = (struct fuse_entry_param){
        .ino = id, .attr = attributes_of(s, &st), .attr_timeout = SHARE_TIMEOUT, .entry_timeout = SHARE_TIMEOUT};
    return 0;
}

int entry_find(struct share *s, int folder, const char *name, struct fuse_entry_param *e)
{
    return entry_enter(s, openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), e);
}

void reply_errno(fuse_req_t req)
{
    /* The guest's files use the server's descriptors, so the guest gets the error for a whole system. */
    fuse_reply_err(req, errno == EMFILE ? ENFILE : errno);
}

void reply_result(fuse_req_t req, int r)
{
    if (r < 0)
        reply_errno(req);
    else
        fuse_reply_err(req, 0);
}

void reply_entry(fuse_req_t req, int made, int folder, const char *name)
{
    struct fuse_entry_param e;
    if (made < 0 || entry_find(share_of(req), folder, name, &e) < 0)
        reply_errno(req);
    else
        fuse_reply_entry(req, &e);
}
