/* A filesystem of one file.  Requests are handled one by one in one thread: the reader is one VM, whose
 * disk engine asks for one thing at a time, and the work is a pread from the page cache.  Direct I/O keeps
 * the image itself out of the page cache: VMs of one tree share the pages of its files. */
#define FUSE_USE_VERSION 35
#include "common/cleanup.h"
#include "common/landlock.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/signals.h"
#include "rootdisk/erofs.h"
#include "rootdisk/image.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char image_name[] = "image";
enum { IMAGE_INO = FUSE_ROOT_ID + 1 };

/* Nothing changes while it is mounted: the kernel may keep what it was told. */
static const double forever = 1e9;

/* Bytes in one read, and so in the reply's buffer; the kernel takes no more. */
enum { READ_MAX = 1 << 20 };

struct server {
    struct rootdisk *rd;
    struct rootdisk_owner owner;
    int ready_fd;
    bool ready; /* the kernel has been answered */
    uint8_t *buf;
};

static struct server *server_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static struct stat attributes(const struct server *s, fuse_ino_t ino)
{
    struct stat st = {.st_ino = ino, .st_nlink = 1, .st_uid = s->owner.uid, .st_gid = s->owner.gid};
    st.st_mode = ino == IMAGE_INO ? S_IFREG | 0400 : S_IFDIR | 0555;
    st.st_nlink = ino == IMAGE_INO ? 1 : 2;
    st.st_blksize = EROFS_BLOCK;
    if (ino == IMAGE_INO) {
        st.st_size = (off_t)rootdisk_size(s->rd);
        st.st_blocks = st.st_size / 512;
    }
    return st;
}

static void say(enum log_level level, const char *what, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof(text), fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_at(level, "%s: %s", what, text);
}

/* libfuse's own messages.  We report once, as our own error, why the server ends; libfuse's messages are then
 * details... */
static void log_detail(enum fuse_log_level level, const char *fmt, va_list ap)
{
    (void)level;
    say(LOG_DEBUG, "FUSE", fmt, ap);
}

/* ...but when a request fails in libfuse (for want of memory), it answers the kernel with the error and goes on. */
static void log_request(enum fuse_log_level level, const char *fmt, va_list ap)
{
    say(level <= FUSE_LOG_WARNING ? LOG_WARN : LOG_DEBUG, "an access to a served disk failed", fmt, ap);
}

static void on_init(void *data, struct fuse_conn_info *conn)
{
    struct server *s = data;
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
    conn->max_write = READ_MAX; /* libfuse derives from it how many pages a request may have */
    s->ready = true;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (parent != FUSE_ROOT_ID || strcmp(name, image_name) != 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    struct fuse_entry_param e = {.ino = IMAGE_INO,
                                 .attr = attributes(server_of(req), IMAGE_INO),
                                 .attr_timeout = forever,
                                 .entry_timeout = forever};
    fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct stat st = attributes(server_of(req), ino);
    fuse_reply_attr(req, &st, forever);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)ino, (void)fi;
    static const struct {
        const char *name;
        fuse_ino_t ino;
    } entries[] = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {image_name, IMAGE_INO}};
    char buf[256];
    size_t used = 0, room = size < sizeof(buf) ? size : sizeof(buf);
    for (off_t i = offset; i < 3; i++) {
        struct stat st = attributes(server_of(req), entries[i].ino);
        size_t n = fuse_add_direntry(req, buf + used, room - used, entries[i].name, &st, i + 1);
        if (n > room - used)
            break;
        used += n;
    }
    fuse_reply_buf(req, buf, used);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    if (ino != IMAGE_INO) {
        fuse_reply_err(req, EISDIR);
        return;
    }
    fi->direct_io = 1;
    fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)ino, (void)fi;
    struct server *s = server_of(req);
    ssize_t n = rootdisk_read(s->rd, s->buf, size < READ_MAX ? size : READ_MAX, (uint64_t)offset);
    if (n < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_buf(req, (char *)s->buf, (size_t)n);
}

static const struct fuse_lowlevel_ops operations = {.init = on_init,
                                                    .lookup = on_lookup,
                                                    .getattr = on_getattr,
                                                    .readdir = on_readdir,
                                                    .open = on_open,
                                                    .read = on_read};

static int tell_ready(struct server *s, struct err *err)
{
    if (s->ready_fd < 0)
        return 0;
    int rc = write(s->ready_fd, "\n", 1) == 1 ? 0 : err_sys(err, "cannot report that the root disk is ready");
    close(s->ready_fd);
    s->ready_fd = -1;
    return rc;
}

static int no_session(struct err *err)
{
    err_set(err, "cannot start a FUSE session");
    err_hint(err, "VM_LOG_LEVEL=debug shows more");
    return -1;
}

/* One request.  The first is INIT: when libfuse has refused that, no other will come. */
static int process(struct server *s, struct fuse_session *se, const struct fuse_buf *request, struct err *err)
{
    if (s->ready)
        fuse_set_log_func(log_request);
    fuse_session_process_buf(se, request);
    fuse_set_log_func(log_detail);
    return s->ready ? tell_ready(s, err) : no_session(err);
}

/* Until the session ends by unmounting, or a signal comes. */
static int loop(struct server *s, struct fuse_session *se, int signals, struct err *err)
{
    struct pollfd fds[] = {{.fd = fuse_session_fd(se), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    struct fuse_buf request = {0};
    int rc = 0;
    while (!fuse_session_exited(se) && rc == 0) {
        int n = fuse_session_receive_buf(se, &request);
        if (n > 0) {
            rc = process(s, se, &request, err);
        } else if (n == -EAGAIN) {
            if (poll(fds, 2, -1) < 0 && errno != EINTR)
                rc = err_sys(err, "cannot wait for FUSE requests");
        } else if (n < 0 && n != -EINTR) {
            errno = -n;
            rc = err_sys(err, "cannot read FUSE requests");
        }
        if (fds[1].revents)
            break;
    }
    free(request.mem);
    return rc;
}

/* The session takes over the descriptor, which is mounted already: libfuse knows that by the path. */
static struct fuse_session *attach(struct server *s, int fuse_fd, struct err *err)
{
    char *argv[] = {"rootdisk", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    char path[32];
    snprintf(path, sizeof(path), "/dev/fd/%d", fuse_fd);
    fuse_set_log_func(log_detail);
    struct fuse_session *se = fuse_session_new(&args, &operations, sizeof(operations), s);
    fuse_opt_free_args(&args);
    if (!se || fcntl(fuse_fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || fuse_session_mount(se, path) != 0) {
        no_session(err);
        if (se)
            fuse_session_destroy(se);
        close(fuse_fd);
        return NULL;
    }
    return se;
}

int rootdisk_serve(struct rootdisk *rd, int fuse_fd, int ready_fd, struct rootdisk_owner owner, bool confined,
                   struct err *err)
{
    cleanup_free uint8_t *buf = malloc(READ_MAX);
    struct server s = {.rd = rd, .owner = owner, .ready_fd = ready_fd, .buf = buf};
    cleanup_close int signals = signals_fd();
    int rc = -1;
    if (!buf || signals < 0) {
        err_sys(err, "cannot serve the root disk");
        close(fuse_fd);
    } else {
        struct fuse_session *se = attach(&s, fuse_fd, err);
        if (se) {
            bool failed = confined && (landlock_read_below(rd->root, err) < 0 || sandbox_enter(SANDBOX_DISK, err) < 0);
            rc = failed ? -1 : loop(&s, se, signals, err);
            fuse_session_destroy(se);
        }
    }
    if (s.ready_fd >= 0)
        close(s.ready_fd);
    return rc;
}
