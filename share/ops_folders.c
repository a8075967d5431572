/* The guest's offset is the host's position after each entry.  An entry that did not fit is the first of the next
 * reply, and no position is set again unless the guest goes elsewhere.  (With seekdir at every READDIR, rm -r missed
 * entries of a tmpfs.) */
#include "common/cleanup.h"
#include "share/reply.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct share *s = share_of(req);
    cleanup_node struct node *node = nodes_use(s->nodes, ino);
    int fd = node ? openat(node->fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    fi->fh = fd < 0 ? 0 : handles_add(s->handles, fd, true);
    if (!fi->fh)
        reply_errno(req);
    else if (fuse_reply_open(req, fi) < 0)
        handles_close(s->handles, fi->fh, true);
}

/* The entry at the offset; NULL: there is none, and errno is 0, or says why. */
static struct dirent64 *entry_at(struct handle *h, off_t offset)
{
    struct listing *l = &h->listing;
    if (offset != l->next) {
        l->len = l->at = 0;
        if (lseek(h->fd, offset, SEEK_SET) < 0)
            return NULL;
        l->next = offset;
    }
    if (l->at == l->len) {
        if (!l->entries && handle_listing(h) < 0)
            return NULL;
        ssize_t n = getdents64(h->fd, l->entries, LISTING);
        l->at = 0;
        l->len = n > 0 ? (size_t)n : 0;
        if (n <= 0) {
            errno = n < 0 ? errno : 0;
            return NULL;
        }
    }
    return (struct dirent64 *)(void *)(l->entries + l->at);
}

static void pass(struct listing *l, const struct dirent64 *d)
{
    l->next = d->d_off;
    l->at += d->d_reclen;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Adds the entry with its attributes, and counts it as known to the guest.  Of an entry without a node number, the
 * guest learns only the name. */
static void add_known(fuse_req_t req, const struct handle *h, const struct dirent64 *d, char *out, size_t size)
{
    struct fuse_entry_param e = {0};
    if (is_dots(d->d_name) || entry_find(share_of(req), h->fd, d->d_name, &e) < 0)
        e = (struct fuse_entry_param){.attr = {.st_ino = d->d_ino, .st_mode = (mode_t)d->d_type << 12}};
    fuse_add_direntry_plus(req, out, size, d->d_name, &e, d->d_off);
}

static void list(fuse_req_t req, size_t size, off_t offset, const struct fuse_file_info *fi, bool plus)
{
    char *out = reply_buffer();
    size_t used = 0;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, true);
    if (!h) {
        reply_errno(req);
        return;
    }
    pthread_mutex_lock(&h->reading);
    struct dirent64 *d;
    while ((d = entry_at(h, offset))) {
        struct stat st = {.st_ino = d->d_ino, .st_mode = (mode_t)d->d_type << 12};
        size_t need = plus ? fuse_add_direntry_plus(req, NULL, 0, d->d_name, NULL, 0)
                           : fuse_add_direntry(req, NULL, 0, d->d_name, NULL, 0);
        if (need > size - used)
            break;
        if (plus)
            add_known(req, h, d, out + used, need);
        else
            fuse_add_direntry(req, out + used, need, d->d_name, &st, d->d_off);
        used += need;
        offset = d->d_off;
        pass(&h->listing, d);
    }
    int failed = d ? 0 : errno;
    handle_listed(h);
    pthread_mutex_unlock(&h->reading);
    if (failed && !used)
        fuse_reply_err(req, failed);
    else
        fuse_reply_buf(req, out, used);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)ino;
    list(req, size, offset, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)ino;
    list(req, size, offset, fi, true);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *fi)
{
    (void)ino;
    cleanup_handle struct handle *h = handles_use(share_of(req)->handles, fi->fh, true);
    reply_result(req, !h ? -1 : only_data ? fdatasync(h->fd) : fsync(h->fd));
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    handles_close(share_of(req)->handles, fi->fh, true);
    fuse_reply_err(req, 0);
}
