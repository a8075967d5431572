/* All connections share one session.  libfuse replies through the session, so the thread decides where a reply goes:
 * each thread has one connection.  A reply must go back by the connection that brought the request, since the guest's
 * kernel looks for it there. */
#include "share/session.h"

#include "common/log.h"
#include "share/check.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static _Thread_local int connection_here = -1;

void session_replies_to(int connection)
{
    connection_here = connection;
}

/* The whole message: libfuse takes a short write for success. */
static ssize_t write_message(int connection, struct iovec *part, int count)
{
    ssize_t all = 0;
    while (count > 0) {
        ssize_t n = writev(connection, part, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        all += n;
        for (; count > 0 && (size_t)n >= part->iov_len; part++, count--)
            n -= (ssize_t)part->iov_len;
        if (count > 0) {
            part->iov_base = (char *)part->iov_base + n;
            part->iov_len -= (size_t)n;
        }
    }
    return all;
}

/* FUSE_HANDLE_KILLPRIV_V2, which libfuse 3.14 does not know: the host's kernel takes set-user-id bits and capabilities
 * from a file that we write to (share/actor.h).  Otherwise the guest's kernel asks for security.capability before each
 * write, which took half of the time of small writes. */
static _Thread_local uint32_t init_flags;

void session_init_offers(const void *message)
{
    const struct fuse_in_header *head = message;
    const struct fuse_init_in *in = (const void *)(head + 1);
    init_flags = in->flags & FUSE_HANDLE_KILLPRIV_V2;
}

static ssize_t on_writev(int fd, struct iovec *part, int count, void *userdata)
{
    (void)fd, (void)userdata;
    if (init_flags && count == 2 && part[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE)
        ((struct fuse_init_out *)part[1].iov_base)->flags |= init_flags;
    init_flags = 0;
    return write_message(connection_here, part, count);
}

/* Messages come by session_process alone (share/serve.c). */
static ssize_t on_read(int fd, void *data, size_t len, void *userdata)
{
    (void)fd, (void)data, (void)len, (void)userdata;
    errno = ENODEV;
    return -1;
}

int session_refuse(int connection, const void *message, int error)
{
    const struct fuse_in_header *in = message;
    struct fuse_out_header out = {.len = sizeof(out), .error = -error, .unique = in->unique};
    struct iovec part = {.iov_base = &out, .iov_len = sizeof(out)};
    return write_message(connection, &part, 1) < 0 ? -1 : 0;
}

/* Not FUSE_CAP_WRITEBACK_CACHE: with it, the guest never saw a file that the host had written again.  Not
 * FUSE_CAP_ATOMIC_O_TRUNC: the guest's kernel checks whether the file is a running program (ETXTBSY) only after an
 * open, so it must empty the file by a SETATTR of its own.  No splicing, which is for pipes. */
static void on_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    const unsigned wanted = FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ |
                            FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                            FUSE_CAP_ASYNC_DIO;
    conn->want = conn->capable & wanted;
    conn->max_write = CHECK_DATA_MAX;
    conn->max_readahead = CHECK_DATA_MAX;
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .fsync = op_fsync,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .statfs = op_statfs,
    .setxattr = op_setxattr,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
    .create = op_create,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
    .lseek = op_lseek,
};

/* libfuse's own messages are for debugging: with each of them, the guest gets an error. */
static void on_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
    (void)level;
    char text[256];
    vsnprintf(text, sizeof(text), fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug("FUSE: %s", text);
}

struct fuse_session *session_new(struct share *s)
{
    static const struct fuse_custom_io io = {.writev = on_writev, .read = on_read};
    char *argv[] = {"share", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    fuse_set_log_func(on_log);
    struct fuse_session *se = fuse_session_new(&args, &operations, sizeof(operations), s);
    fuse_opt_free_args(&args);
    /* The descriptor becomes libfuse's, which closes it at the end and does nothing else with it. */
    int own = se ? dup(STDIN_FILENO) : -1;
    if (se && fuse_session_custom_io(se, &io, own) == 0)
        return se;
    if (se)
        fuse_session_destroy(se);
    return NULL;
}
