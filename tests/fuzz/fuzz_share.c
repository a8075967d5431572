/* libFuzzer target: a guest's FUSE messages, against the share's real server on a real folder: check, libfuse, and all
 * operations.
 *
 * The input is messages, each after its length (two bytes).  The header's length and number are put right, unless the
 * length's upper bit says to leave them.  After INIT, which comes first by itself, the server must answer whatever is
 * not to be silent, by a well-formed reply; and what is outside the folder must be as it was.
 *
 *   make build/fuzz/fuzz_share build/fuzz/share.corpus
 *   build/fuzz/fuzz_share -close_fd_mask=3 -max_len=2000 build/fuzz/share.new build/fuzz/share.corpus
 */
#include "common/cleanup.h"
#include "share/check.h"
#include "share/serve.h"
#include "tests/fuzz/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { AS_IT_IS = 0x8000 };

static char place[] = "/dev/shm/fuzz_share.XXXXXX";
static int outside = -1;
static char secret[16]; /* which no input knows */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void remove_below(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", place, name);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_place(void)
{
    remove_below("");
}

/* A folder inside of `place`, with a secret beside it that nobody may reach. */
static void begin(void)
{
    CHECK(mkdtemp(place));
    atexit(remove_place);
    outside = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(outside, "secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(getrandom(secret, sizeof(secret), 0) == sizeof(secret));
    CHECK(fd >= 0 && write(fd, secret, sizeof(secret)) == sizeof(secret) && close(fd) == 0);
    signal(SIGPIPE, SIG_IGN);
}

static int make_folder(void)
{
    remove_below("share");
    CHECK(mkdirat(outside, "share", 0755) == 0 && mkdirat(outside, "share/d", 0755) == 0);
    CHECK(symlinkat("../secret", outside, "share/l") == 0 && mknodat(outside, "share/p", S_IFIFO | 0644, 0) == 0);
    int text = openat(outside, "share/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(text >= 0 && write(text, "text", 4) == 4 && close(text) == 0);
    int fd = openat(outside, "share", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

struct run {
    int connection;
};

/* In a thread, because the working directory changes: libFuzzer writes what it finds by relative names. */
static void *serve(void *arg)
{
    const struct run *r = arg;
    struct err err = {0};
    CHECK(unshare(CLONE_FS) == 0);
    struct share *s = share_new(make_folder(), &(struct share_options){0}, &err);
    CHECK(s);
    CHECK(share_thread(s, &err) == 0);
    share_connection(s, r->connection, &err);
    shutdown(r->connection, SHUT_RDWR);
    share_free(s);
    return NULL;
}

static size_t put(char *out, const void *message, size_t len, uint64_t unique, bool as_it_is)
{
    struct fuse_in_header head = {0};
    memcpy(&head, message, len < sizeof(head) ? len : sizeof(head));
    memcpy(out, message, len);
    if (len < sizeof(head))
        len = sizeof(head);
    if (!as_it_is) {
        head.len = (uint32_t)len;
        head.unique = unique;
    }
    memcpy(out, &head, sizeof(head));
    return len;
}

/* Writes the messages, and ends. */
struct writer {
    int connection;
    const char *text;
    size_t len;
};
static void *write_all(void *arg)
{
    const struct writer *w = arg;
    for (size_t at = 0; at < w->len;) {
        ssize_t n = write(w->connection, w->text + at, w->len - at);
        if (n < 0)
            break;
        at += (size_t)n;
    }
    shutdown(w->connection, SHUT_WR);
    return NULL;
}

static void check_replies(int connection)
{
    static char reply[CHECK_MESSAGE_MAX];
    for (;;) {
        struct fuse_out_header out;
        ssize_t n = recv(connection, &out, sizeof(out), MSG_WAITALL);
        if (n <= 0)
            return;
        CHECK(n == sizeof(out));
        CHECK(out.len >= sizeof(out) && out.len <= CHECK_MESSAGE_MAX);
        CHECK(out.error <= 0 && out.error > -1000);
        size_t rest = out.len - sizeof(out);
        CHECK(!rest || recv(connection, reply, rest, MSG_WAITALL) == (ssize_t)rest);
        CHECK(!memmem(reply, rest, secret, sizeof(secret)));
    }
}

static void check_outside(void)
{
    char text[sizeof(secret) + 1];
    struct stat st;
    int fd = openat(outside, "secret", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | 0600) && st.st_uid == 0 && st.st_nlink == 1);
    CHECK(read(fd, text, sizeof(text)) == sizeof(secret) && memcmp(text, secret, sizeof(secret)) == 0);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[1 << 20];
    if (outside < 0)
        begin();
    if (size > 100000)
        return 0;
    struct {
        struct fuse_in_header head;
        struct fuse_init_in in;
    } init = {{.opcode = FUSE_INIT},
              {.major = 7, .minor = 38, .max_readahead = 1 << 20, .flags = 0x73fffffb & ~FUSE_INIT_EXT}};
    size_t len = put(text, &init, sizeof(init), 1, false);
    for (uint64_t unique = 2; size > 2; unique++) {
        size_t head = (size_t)(data[0] | data[1] << 8), n = head & ~(size_t)AS_IT_IS;
        data += 2, size -= 2;
        n = n < size ? n : size;
        len += put(text + len, data, n, unique, head & AS_IT_IS);
        data += n, size -= n;
    }
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    pthread_t server, writer;
    struct run run = {.connection = pair[1]};
    struct writer w = {pair[0], text, len};
    CHECK(pthread_create(&server, NULL, serve, &run) == 0 && pthread_create(&writer, NULL, write_all, &w) == 0);
    check_replies(pair[0]);
    pthread_join(server, NULL);
    close(pair[0]);
    close(pair[1]);
    pthread_join(writer, NULL);
    check_outside();
    return 0;
}
