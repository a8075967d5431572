/* A way is a clone of /dev/fuse with a connection of its own.  It takes one request at a time from the kernel, and no
 * other before that one is answered: a reply must go to the clone that the request came from.  So replies need not be
 * matched to requests, and a request that takes long (fsync) holds up a fourth of the others.
 *
 * A way waits for the kernel in read(2) rather than poll(2): a request wakes one reader, but all that poll.
 *
 * The server dies.  Then its connections end, and the ways answer each request with ENOTCONN, until this thread has
 * connected again: it gives every way a new connection under the way's old number.  The mount stays.  The next server's
 * first message must be INIT, which the kernel sends once, so it is kept and sent again; both servers are the same
 * program, so the reply is the same.  The next server does not know the numbers that the kernel has of files
 * (share/slots.h): it answers ESTALE, whereupon the kernel looks the path up again; files that are open, and working
 * directories, stay lost. */
#include "guest-init/relay.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* The largest message: 1 MiB of data, and a page for what goes before it (fs/fuse/dev.c, fuse_dev_do_read). */
enum { MESSAGE_MAX = (1 << 20) + 4096, READAHEAD_KIB = 1024 };
/* The last wait for another server, in seconds: by then the host has given the share up. */
enum { PATIENCE = 64 };

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

/* What the ways share. */
struct state {
    atomic_bool up;       /* there is a server, which has had INIT */
    pthread_mutex_t init; /* of the following */
    char message[256];    /* INIT */
    size_t len;           /* 0: none has come yet */
};

struct way {
    int device, connection, end;
    pthread_mutex_t busy; /* held while a request is at the server */
    struct state *state;
};

static bool is_answered(const struct fuse_in_header *in)
{
    return in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET;
}

/* The kernel no longer waits for the answer to this request, for example after an interrupt. */
static bool is_given_up(void)
{
    return errno == ENOENT;
}

/* false: the mount has ended. */
static bool give(int device, const void *message, size_t len)
{
    ssize_t n;
    while ((n = write(device, message, len)) < 0 && errno == EINTR)
        ;
    return n >= 0 || is_given_up();
}

/* A reply from the server; no other can follow it, since no request has.  Its length; 0: the connection has ended. */
static size_t take(int connection, char *message)
{
    const struct fuse_out_header *out = (const void *)message;
    size_t have = 0;
    do {
        ssize_t n = read(connection, message + have, MESSAGE_MAX - have);
        if (n == 0 || (n < 0 && errno != EINTR))
            return 0;
        have += n > 0 ? (size_t)n : 0;
        if (have >= sizeof(*out) && (out->len < sizeof(*out) || out->len > MESSAGE_MAX || out->len < have))
            return 0;
    } while (have < sizeof(*out) || have < out->len);
    return have;
}

/* The request is in message, and then its reply.  The reply's length; 0: there is no server. */
static size_t ask(struct way *w, char *message, size_t len, bool answered)
{
    size_t have = 0;
    pthread_mutex_lock(&w->busy);
    bool up = atomic_load(&w->state->up);
    if (up && io_write_all(w->connection, message, len) == 0)
        have = answered ? take(w->connection, message) : len;
    if (up && !have) /* which tells wait_for_end, too, when the server has sent nonsense */
        shutdown(w->connection, SHUT_RDWR);
    pthread_mutex_unlock(&w->busy);
    return have;
}

/* Whether the server must get to know a file for this request, which it refuses with ENFILE before it has changed
 * anything. */
static bool names_file(uint32_t opcode)
{
    return opcode == FUSE_LOOKUP || opcode == FUSE_CREATE || opcode == FUSE_MKNOD || opcode == FUSE_MKDIR ||
           opcode == FUSE_SYMLINK;
}

/* The kernel caches more files than the server may keep open: it forgets those that nothing uses.  One way at a time,
 * since the others must pass that on.  4 keeps the kernel from logging it (Documentation/admin-guide/sysctl/vm.rst). */
static void forget_unused(void)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    if (pthread_mutex_trylock(&one) != 0)
        return;
    (void)io_write_text("/proc/sys/vm/drop_caches", "4");
    (void)io_write_text("/proc/sys/vm/drop_caches", "2");
    pthread_mutex_unlock(&one);
}

/* Asks, and asks again while the server knows too many files: FORGETs take a while to reach it. */
static size_t ask_for_file(struct way *w, char *message, size_t len)
{
    enum { TRIES = 10, PAUSE = 10 /* ms */ };
    char kept[1024];
    const struct fuse_out_header *out = (const void *)message;
    bool again = len <= sizeof(kept);
    memcpy(kept, message, again ? len : 0);
    size_t have = ask(w, message, len, true);
    for (int i = 0; again && have && out->error == -ENFILE && i < TRIES; i++) {
        forget_unused();
        poll(NULL, 0, PAUSE);
        memcpy(message, kept, len);
        have = ask(w, message, len, true);
    }
    return have;
}

static void keep_init(struct state *s, const char *message, size_t len)
{
    pthread_mutex_lock(&s->init);
    s->len = len <= sizeof(s->message) ? len : 0;
    memcpy(s->message, message, s->len);
    pthread_mutex_unlock(&s->init);
}

/* INTERRUPT is not passed on: the server finishes the request, and the kernel waits for that, as for a disk.  false:
 * the mount has ended. */
static bool pass(struct way *w, char *message)
{
    const struct fuse_in_header *in = (const void *)message;
    ssize_t n = read(w->device, message, MESSAGE_MAX);
    if (n < 0) /* ENODEV: unmounted */
        return errno == EINTR || is_given_up();
    if (in->opcode == FUSE_INTERRUPT)
        return true;
    if (in->opcode == FUSE_INIT)
        keep_init(w->state, message, (size_t)n);
    bool answered = is_answered(in);
    const struct fuse_out_header none = {.len = sizeof(none), .error = -ENOTCONN, .unique = in->unique};
    size_t have = names_file(in->opcode) ? ask_for_file(w, message, (size_t)n) : ask(w, message, (size_t)n, answered);
    if (!answered)
        return true;
    return have ? give(w->device, message, have) : give(w->device, &none, sizeof(none));
}

static void *work(void *arg)
{
    struct way *w = arg;
    cleanup_free char *message = malloc(MESSAGE_MAX);
    while (message && pass(w, message))
        ;
    ssize_t n = write(w->end, "", 1);
    (void)n;
    return NULL;
}

/* Until a way ends (false), or a connection.  What comes by a connection wakes nobody here. */
static bool wait_for_end(const struct way *ways, int end)
{
    struct pollfd fds[RELAY_WAYS + 1] = {{.fd = end, .events = POLLIN}};
    for (int i = 0; i < RELAY_WAYS; i++)
        fds[1 + i] = (struct pollfd){.fd = ways[i].connection, .events = POLLRDHUP};
    while (poll(fds, RELAY_WAYS + 1, -1) < 0 && errno == EINTR)
        ;
    return !fds[0].revents;
}

/* The new server's INIT, by the first of its connections. */
static int begin_again(struct state *s, int connection, int end)
{
    cleanup_free char *reply = malloc(MESSAGE_MAX);
    struct pollfd fds[] = {{.fd = connection, .events = POLLIN}, {.fd = end, .events = POLLIN}};
    pthread_mutex_lock(&s->init);
    int r = !reply || !s->len ? -1 : io_write_all(connection, s->message, s->len);
    pthread_mutex_unlock(&s->init);
    while (r == 0 && poll(fds, 2, -1) < 0)
        r = errno == EINTR ? 0 : -1;
    if (r < 0 || fds[1].revents || !take(connection, reply))
        return -1;
    return ((const struct fuse_out_header *)(const void *)reply)->error ? -1 : 0;
}

/* 0: there is another server. */
static int connect_again(const struct relay *r, struct state *s, struct way *ways, int end)
{
    int fresh[RELAY_WAYS] = {-1, -1, -1, -1};
    struct err err = {0};
    int made = r->connect(r->arg, fresh, &err);
    if (made == 0)
        made = begin_again(s, fresh[0], end);
    for (int i = 0; i < RELAY_WAYS; i++) {
        if (made == 0) {
            pthread_mutex_lock(&ways[i].busy);
            made = dup3(fresh[i], ways[i].connection, O_CLOEXEC) < 0 ? -1 : 0;
            pthread_mutex_unlock(&ways[i].busy);
        }
        if (fresh[i] >= 0)
            close(fresh[i]);
    }
    return made;
}

/* The ways' requests fail from now on; tries again after longer and longer times.  false: the mount has ended, or the
 * host has given the share up. */
static bool revive(const struct relay *r, struct state *s, struct way *ways, int end)
{
    struct pollfd ended = {.fd = end, .events = POLLIN};
    atomic_store(&s->up, false);
    for (int i = 0; i < RELAY_WAYS; i++)
        shutdown(ways[i].connection, SHUT_RDWR);
    for (int seconds = 1; seconds <= PATIENCE; seconds *= 2) {
        if (poll(&ended, 1, seconds * 1000) > 0)
            return false;
        if (connect_again(r, s, ways, end) == 0) {
            atomic_store(&s->up, true);
            return true;
        }
    }
    while (poll(&ended, 1, -1) <= 0)
        ;
    return false;
}

/* PR_SET_IO_FLUSHER: writing a dirty page back must not wait for memory that is to be freed by writing it back. */
void relay_run(const struct relay *r)
{
    static struct state state = {.up = true, .init = PTHREAD_MUTEX_INITIALIZER};
    static struct way ways[RELAY_WAYS]; /* the threads outlive this function */
    int end[2];
    (void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    if (pipe2(end, O_CLOEXEC) < 0)
        return;
    for (int i = 0; i < RELAY_WAYS; i++) {
        pthread_t thread;
        ways[i] = (struct way){.device = r->device[i],
                               .connection = r->connection[i],
                               .end = end[1],
                               .busy = PTHREAD_MUTEX_INITIALIZER,
                               .state = &state};
        if (pthread_create(&thread, NULL, work, &ways[i]) != 0)
            return;
    }
    while (wait_for_end(ways, end[0]) && r->connect && revive(r, &state, ways, end[0]))
        ;
}
