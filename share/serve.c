/* Theory of operation
 *
 * A thread for each connection reads a message, checks it (share/check.c), and gives it to libfuse, which calls the
 * operation and replies.  A thread thus has one request at a time, and the guest's relay sends none before the reply.
 * The first message of all is INIT; the other connections' messages wait until it is answered.
 *
 * Nothing is ever opened by a path.  The guest's node stands for an O_PATH descriptor; a name is one component below
 * it, opened with O_NOFOLLOW.  To open the file of an O_PATH descriptor itself, the server uses its name in
 * /proc/self/fd, which is the working directory.  So a folder that somebody replaces by a link leads nowhere.
 * Landlock, where the kernel has it, refuses a file that the host has moved out of the folder. */
#include "share/serve.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/landlock.h"
#include "common/sandbox.h"
#include "share/check.h"
#include "share/session.h"
#include "share/slots.h"

#include <linux/fuse.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>

/* Of the descriptors that the process may have: for what is always open, and for the guest's open files. */
enum { OWN_FILES = 64, FILES_MIN = 256, FILES_MAX = 1 << 20 };
_Static_assert(FILES_MAX - OWN_FILES <= SLOTS_LIMIT, "each has a number");

struct server {
    struct share share; /* first: libfuse's operations get it */
    struct share_options options;
    struct fuse_session *session;
    pthread_mutex_t begin;
    atomic_bool begun;
};

static struct server *server_of(struct share *s)
{
    return (struct server *)s;
}

/* The kernel's own default for a process is 1024; the hard limit is what the container may have. */
static rlim_t raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 0;
    files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? 0 : files.rlim_cur;
}

static bool is_remote(int folder)
{
    struct statfs st;
    return fstatfs(folder, &st) == 0 &&
           (st.f_type == NFS_SUPER_MAGIC || st.f_type == FUSE_SUPER_MAGIC || st.f_type == SMB_SUPER_MAGIC ||
            st.f_type == 0xff534d42 /* CIFS */ || st.f_type == 0xfe534d42 /* SMB2 */ || st.f_type == CEPH_SUPER_MAGIC);
}

struct share *share_new(int folder, const struct share_options *options, struct err *err)
{
    cleanup_close int fd = folder;
    struct stat st;
    rlim_t files = raise_files();
    if (files < FILES_MIN)
        return err_set(err, "the limit of open files (nofile) is below %d", FILES_MIN), NULL;
    if (fstat(fd, &st) < 0 || chdir("/proc/self/fd") < 0)
        return err_sys(err, "cannot serve the directory"), NULL;
    if (options->confined && landlock_all_below(fd, err) < 0)
        return NULL;
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, "out of memory"), NULL;
    uint32_t handles = (uint32_t)(files - OWN_FILES) / 4;
    s->options = *options;
    s->begin = s->share.owners = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    s->share.dev = st.st_dev;
    s->share.suid = options->suid;
    s->share.remote = is_remote(fd);
    s->share.nodes = nodes_new(steal_fd(&fd), (uint32_t)(files - OWN_FILES) - handles, options->era);
    s->share.handles = handles_new(handles, options->era);
    s->session = session_new(&s->share);
    if (s->share.nodes && s->share.handles && s->session)
        return &s->share;
    err_set(err, "cannot start a FUSE session");
    share_free(&s->share);
    return NULL;
}

void share_free(struct share *share)
{
    struct server *s = server_of(share);
    if (s->session)
        fuse_session_destroy(s->session);
    if (share->handles)
        handles_free(share->handles);
    if (share->nodes)
        nodes_free(share->nodes);
    free(s);
}

/* The umask and the filter are a thread's own. */
int share_thread(struct share *share, struct err *err)
{
    if (unshare(CLONE_FS) < 0)
        return err_sys(err, "cannot give a thread its own umask");
    return server_of(share)->options.confined ? sandbox_enter(SANDBOX_SHARE, err) : 0;
}

/* What has come by a connection: a message from the start of data, and what follows it. */
struct inbox {
    char *data;
    size_t have;
};

/* Waits for a whole message; its length, 0 at the end of the connection, or -1: what came cannot be one. */
static ssize_t receive(int connection, struct inbox *in)
{
    const struct fuse_in_header *head = (const void *)in->data;
    for (;;) {
        if (in->have >= CHECK_MESSAGE_MIN && (head->len < CHECK_MESSAGE_MIN || head->len > CHECK_MESSAGE_MAX))
            return -1;
        if (in->have >= CHECK_MESSAGE_MIN && in->have >= head->len)
            return (ssize_t)head->len;
        ssize_t n = read(connection, in->data + in->have, CHECK_MESSAGE_MAX - in->have);
        if (n == 0 || (n < 0 && errno != EINTR))
            return 0;
        in->have += n > 0 ? (size_t)n : 0;
    }
}

/* The message of that length is done with. */
static void next_message(struct inbox *in, size_t len)
{
    in->have -= len;
    memmove(in->data, in->data + len, in->have);
}

/* 0; 1: the connection is of no more use to the other side; -1: the message was invalid. */
static int process(struct server *s, int connection, char *message, size_t len, bool first)
{
    int judged = check_message(message, len, first, s->options.readonly);
    struct fuse_buf buf = {.size = len, .mem = message};
    if (judged == CHECK_BROKEN)
        return -1;
    if (judged == CHECK_SILENT)
        return 0;
    if (judged > 0)
        return session_refuse(connection, message, judged) < 0 ? 1 : 0;
    if (first)
        session_init_offers(message);
    /* libfuse 3.14 does not know TMPFILE, which is CREATE with CHECK_UNNAMED as the name. */
    struct fuse_in_header *head = (void *)message;
    if (head->opcode == FUSE_TMPFILE)
        head->opcode = FUSE_CREATE;
    fuse_session_process_buf(s->session, &buf);
    return 0;
}

/* The first message may come by any connection; the others wait until it is answered. */
static int process_in_turn(struct server *s, int connection, char *message, size_t len)
{
    if (atomic_load(&s->begun))
        return process(s, connection, message, len, false);
    pthread_mutex_lock(&s->begin);
    bool first = !atomic_load(&s->begun);
    int r = process(s, connection, message, len, first);
    if (first && r == 0)
        atomic_store(&s->begun, true);
    pthread_mutex_unlock(&s->begin);
    return r;
}

int share_connection(struct share *share, int connection, struct err *err)
{
    /* of a byte more, so that libfuse may look beyond a name */
    cleanup_free char *message = calloc(1, CHECK_MESSAGE_MAX + 1);
    cleanup_free char *reply = malloc(CHECK_DATA_MAX);
    if (!message || !reply)
        return err_set(err, "out of memory");
    struct inbox in = {.data = message};
    reply_buffer_set(reply);
    session_replies_to(connection);
    ssize_t len;
    int r = 0;
    while (r == 0 && (len = receive(connection, &in)) > 0) {
        r = process_in_turn(server_of(share), connection, message, (size_t)len);
        next_message(&in, (size_t)len);
    }
    return len < 0 || r < 0 ? err_set(err, "the guest has sent an invalid FUSE message") : 0;
}

struct worker {
    struct share *share;
    int connection, end;
};

/* What ended it goes through the pipe: an error's text, or nothing. */
static void *work(void *arg)
{
    const struct worker *w = arg;
    struct err err = {0};
    if (share_thread(w->share, &err) == 0)
        share_connection(w->share, w->connection, &err);
    ssize_t n = write(w->end, &err, sizeof(err));
    (void)n;
    return NULL;
}

int share_serve(struct share *s, const int connections[SHARE_CONNECTIONS], struct err *err)
{
    static struct worker workers[SHARE_CONNECTIONS]; /* the threads outlive this function */
    int end[2];
    struct err first = {0};
    if (pipe2(end, O_CLOEXEC) < 0)
        return err_sys(err, "cannot serve the directory");
    cleanup_close int ended = end[0];
    for (int i = 0; i < SHARE_CONNECTIONS; i++) {
        pthread_t thread;
        workers[i] = (struct worker){s, connections[i], end[1]};
        errno = pthread_create(&thread, NULL, work, &workers[i]);
        if (errno || (errno = pthread_detach(thread)))
            return err_sys(err, "cannot start a thread");
    }
    if (server_of(s)->options.confined && sandbox_enter(SANDBOX_SHARE, err) < 0)
        return -1;
    if (io_read_full(ended, &first, sizeof(first)) != sizeof(first))
        return err_set(err, "its threads have ended");
    if (!first.text[0])
        return 0;
    *err = first;
    return -1;
}
