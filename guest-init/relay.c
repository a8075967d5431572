/* A way is a clone of /dev/fuse with a connection of its own.  It takes one request at a time from the kernel, and no
 * other before that one is answered: a reply must go to the clone that the request came from.  So replies need not be
 * matched to requests, and a request that takes long (fsync) holds up a fourth of the others.
 *
 * A way waits for the kernel in read(2) rather than poll(2): a request wakes one reader, but all that poll. */
#include "guest-init/relay.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* The largest message: 1 MiB of data, and a page for what goes before it (fs/fuse/dev.c, fuse_dev_do_read). */
enum { MESSAGE_MAX = (1 << 20) + 4096, READAHEAD_KIB = 1024 };

int relay_readahead(const char *target)
{
    struct stat st;
    char path[64], text[16];
    if (stat(target, &st) < 0)
        return -1;
    snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
    snprintf(text, sizeof(text), "%d", READAHEAD_KIB);
    (void)io_write_text(path, text); /* it is faster; without it, all works */
    return 0;
}

/* default_permissions: this kernel checks modes and ACLs for its processes, and the server does not check them again.
 * */
int relay_mount(struct relay *r, const char *target, bool file, unsigned long flags, struct err *err)
{
    char options[128];
    for (int i = 0; i < RELAY_WAYS; i++)
        if ((r->device[i] = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0)
            return err_sys(err, "cannot open /dev/fuse");
    snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=0,group_id=0,allow_other,default_permissions",
             r->device[0], (unsigned)(file ? S_IFREG : S_IFDIR));
    if (mount("share", target, "fuse", MS_NODEV | flags, options) < 0)
        return err_sys(err, "cannot mount a share on %s", target);
    for (int i = 1; i < RELAY_WAYS; i++) {
        uint32_t first = (uint32_t)r->device[0];
        if (ioctl(r->device[i], FUSE_DEV_IOC_CLONE, &first) < 0) {
            err_sys(err, "cannot clone /dev/fuse");
            umount2(target, MNT_DETACH);
            return -1;
        }
    }
    return 0;
}

static bool is_answered(const struct fuse_in_header *in)
{
    return in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET;
}

/* The kernel no longer waits for the answer to this request, for example after an interrupt. */
static bool is_given_up(void)
{
    return errno == ENOENT;
}

/* A reply, from the connection to the kernel.  No other can follow it, since no request has.  false: the connection or
 * the mount has ended. */
static bool answer(int device, int connection, char *message)
{
    const struct fuse_out_header *out = (const void *)message;
    size_t have = 0;
    ssize_t n;
    do {
        n = read(connection, message + have, MESSAGE_MAX - have);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        have += n > 0 ? (size_t)n : 0;
        if (have >= sizeof(*out) && (out->len < sizeof(*out) || out->len > MESSAGE_MAX || out->len < have))
            return false;
    } while (have < sizeof(*out) || have < out->len);
    while ((n = write(device, message, have)) < 0 && errno == EINTR)
        ;
    return n >= 0 || is_given_up();
}

/* INTERRUPT is not passed on: the server finishes the request, and the kernel waits for that, as for a disk. */
static bool pass(int device, int connection, char *message)
{
    const struct fuse_in_header *in = (const void *)message;
    ssize_t n = read(device, message, MESSAGE_MAX);
    if (n < 0) /* ENODEV: unmounted */
        return errno == EINTR || is_given_up();
    if (in->opcode == FUSE_INTERRUPT)
        return true;
    if (io_write_all(connection, message, (size_t)n) < 0)
        return false;
    return !is_answered(in) || answer(device, connection, message);
}

struct way {
    int device, connection, end;
};

static void *work(void *arg)
{
    const struct way *w = arg;
    cleanup_free char *message = malloc(MESSAGE_MAX);
    while (message && pass(w->device, w->connection, message))
        ;
    ssize_t n = write(w->end, "", 1);
    (void)n;
    return NULL;
}

/* Until a way ends, or a connection whose way waits for the kernel.  What comes by a connection wakes nobody here. */
static void wait_for_end(const struct relay *r, int end)
{
    struct pollfd fds[RELAY_WAYS + 1] = {{.fd = end, .events = POLLIN}};
    for (int i = 0; i < RELAY_WAYS; i++)
        fds[1 + i] = (struct pollfd){.fd = r->connection[i], .events = POLLRDHUP};
    while (poll(fds, RELAY_WAYS + 1, -1) < 0 && errno == EINTR)
        ;
}

/* PR_SET_IO_FLUSHER: writing a dirty page back must not wait for memory that is to be freed by writing it back. */
void relay_run(const struct relay *r)
{
    static struct way ways[RELAY_WAYS]; /* the threads outlive this function */
    int end[2];
    (void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    if (pipe2(end, O_CLOEXEC) < 0)
        return;
    for (int i = 0; i < RELAY_WAYS; i++) {
        pthread_t thread;
        ways[i] = (struct way){r->device[i], r->connection[i], end[1]};
        if (pthread_create(&thread, NULL, work, &ways[i]) != 0)
            return;
    }
    wait_for_end(r, end[0]);
}
