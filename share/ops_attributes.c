#include "common/cleanup.h"
#include "share/actor.h"
#include "share/check.h"
#include "share/modes.h"
#include "share/reply.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

static void reply_attributes(fuse_req_t req, int fd)
{
    struct statx st;
    if (attributes_read(fd, &st) < 0) {
        reply_errno(req);
        return;
    }
    struct stat attr = attributes_of(share_of(req), &st);
    fuse_reply_attr(req, &attr, SHARE_TIMEOUT);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    cleanup_node struct node *node = nodes_use(share_of(req)->nodes, ino);
    if (node)
        reply_attributes(req, node->fd);
    else
        reply_errno(req);
}

/* Makes a system call that only an owner may make, with the owner's rights. */
#define AS_OWNER(st, call)                                                                                             \
    ({                                                                                                                 \
        int as_owner_r = actor_as((st)->stx_uid, (st)->stx_gid);                                                       \
        if (as_owner_r == 0) {                                                                                         \
            as_owner_r = (call);                                                                                       \
            actor_self();                                                                                              \
        }                                                                                                              \
        as_owner_r;                                                                                                    \
    })

/* CAP_CHOWN is not enough, so this is done as the owner: a new owner also changes the set-user-id bits. */
static int change_owner(const struct node *node, const struct stat *attr, int set)
{
    struct statx st;
    uid_t uid = set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1;
    gid_t gid = set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1;
    if (attributes_read(node->fd, &st) < 0)
        return -1;
    return AS_OWNER(&st, fchownat(node->fd, "", uid, gid, AT_EMPTY_PATH));
}

static int change_mode(const struct share *s, const struct node *node, mode_t mode)
{
    struct statx st;
    if (attributes_read(node->fd, &st) < 0)
        return -1;
    if (!s->suid && mode_gives_rights(node->type | (mode & 07777)))
        return errno = EPERM, -1;
    return AS_OWNER(&st, fchmodat(AT_FDCWD, fd_name(node->fd).text, mode & 07777, 0));
}

/* Two threads must not set a new owner and a mode with set-user-id bits at once, each without seeing the other's
 * change.  The host's kernel removes the bits with every change of owner. */
static int change_owner_and_mode(struct share *s, const struct node *node, const struct stat *attr, int set)
{
    const int owner = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
    bool both = set & owner || (set & FUSE_SET_ATTR_MODE && attr->st_mode & (S_ISUID | S_ISGID));
    int r = 0;
    if (both)
        pthread_mutex_lock(&s->owners);
    if (set & owner)
        r = change_owner(node, attr, set);
    if (r == 0 && set & FUSE_SET_ATTR_MODE)
        r = change_mode(s, node, attr->st_mode);
    if (both)
        pthread_mutex_unlock(&s->owners);
    return r;
}

/* A size of 0 without a handle comes from an open with O_TRUNC, which sets the times of a file that is empty already
 * (": > stamp"); truncate(2) would not.  It may come from truncate(2) too: the guest's kernel does not say. */
static int empty(const struct node *node)
{
    int fd = open(fd_name(node->fd).text, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -1 : close(fd);
}

static int change_size(struct share *s, const struct node *node, off_t size, const struct fuse_file_info *fi)
{
    cleanup_handle struct handle *h = fi ? handles_use(s->handles, fi->fh, false) : NULL;
    if (h)
        return ftruncate(h->fd, size);
    if (fi || node->type != S_IFREG)
        return errno = EINVAL, -1;
    return size == 0 ? empty(node) : truncate(fd_name(node->fd).text, size);
}

static struct timespec time_to_set(struct timespec t, int set, int given, int now)
{
    if (set & now)
        t.tv_nsec = UTIME_NOW;
    else if (!(set & given))
        t.tv_nsec = UTIME_OMIT;
    else if (t.tv_nsec < 0 || t.tv_nsec > 999999999) /* not one of the two above */
        t.tv_nsec = 0;
    return t;
}

static int change_times(const struct node *node, const struct stat *attr, int set)
{
    struct statx st;
    const struct timespec times[] = {time_to_set(attr->st_atim, set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
                                     time_to_set(attr->st_mtim, set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW)};
    if (attributes_read(node->fd, &st) < 0)
        return -1;
    return AS_OWNER(&st, utimensat(AT_FDCWD, fd_name(node->fd).text, times, 0));
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int set, struct fuse_file_info *fi)
{
    struct share *s = share_of(req);
    cleanup_node struct node *node = nodes_use(s->nodes, ino);
    int r = node ? change_owner_and_mode(s, node, attr, set) : -1;
    if (r == 0 && set & FUSE_SET_ATTR_SIZE)
        r = change_size(s, node, attr->st_size, fi);
    if (r == 0 && set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME))
        r = change_times(node, attr, set);
    if (r < 0)
        reply_errno(req);
    else
        reply_attributes(req, node->fd);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct statvfs st;
    cleanup_node struct node *node = nodes_use(share_of(req)->nodes, ino);
    if (!node || fstatvfs(node->fd, &st) < 0)
        reply_errno(req);
    else
        fuse_reply_statfs(req, &st);
}

/* A guest may set programs' own attributes (user.), ACLs, and, if it may make set-user-id files, capabilities.  Labels
 * of security modules belong to the host. */
static bool attribute_settable(const struct share *s, const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "system.posix_acl_access") == 0 ||
           strcmp(name, "system.posix_acl_default") == 0 || (s->suid && strcmp(name, "security.capability") == 0);
}

/* An ACL may make a set-group-id file executable.  The host's kernel then removes the bit, unless the caller is in the
 * file's group.  So the caller acts without that group. */
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
    struct statx st;
    struct share *s = share_of(req);
    cleanup_node struct node *node = nodes_use(s->nodes, ino);
    int r = !node || attributes_read(node->fd, &st) < 0 ? -1 : 0;
    if (r == 0 && !attribute_settable(s, name))
        r = (errno = strncmp(name, "security.capability", 20) == 0 ? EPERM : EOPNOTSUPP, -1);
    if (r == 0 && !s->suid)
        st.stx_gid = getegid();
    reply_result(req, r < 0 ? r : AS_OWNER(&st, setxattr(fd_name(node->fd).text, name, value, size, flags)));
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    struct statx st;
    cleanup_node struct node *node = nodes_use(share_of(req)->nodes, ino);
    int r = !node || attributes_read(node->fd, &st) < 0 ? -1 : 0;
    if (r == 0 && !attribute_settable(share_of(req), name))
        r = (errno = EOPNOTSUPP, -1);
    reply_result(req, r < 0 ? r : AS_OWNER(&st, removexattr(fd_name(node->fd).text, name)));
}

/* n bytes of the answer, or with size 0 how many there are. */
static void reply_attribute(fuse_req_t req, ssize_t n, size_t size)
{
    if (n < 0)
        reply_errno(req);
    else if (size == 0)
        fuse_reply_xattr(req, (size_t)n);
    else
        fuse_reply_buf(req, reply_buffer(), (size_t)n);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    cleanup_node struct node *node = nodes_use(share_of(req)->nodes, ino);
    reply_attribute(req, node ? getxattr(fd_name(node->fd).text, name, reply_buffer(), size) : -1, size);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    cleanup_node struct node *node = nodes_use(share_of(req)->nodes, ino);
    reply_attribute(req, node ? listxattr(fd_name(node->fd).text, reply_buffer(), size) : -1, size);
}
