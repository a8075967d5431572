/* common/: numbers, buffers, the protocol, errors, whole reads and writes. */
#include "common/beneath.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/io.h"
#include "common/num.h"
#include "common/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

/* --- num --- */

static void num_takes_whole_decimal_numbers(void **state)
{
    (void)state;
    uint64_t v = 1;
    assert_int_equal(num_parse("0", 0, 10, &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(num_parse("007", 0, 10, &v), 0);
    assert_int_equal(v, 7);
    assert_int_equal(num_parse("18446744073709551615", 0, UINT64_MAX, &v), 0);
    assert_true(v == UINT64_MAX);
}

static void num_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "abc",
                                      "-1",
                                      "+1",
                                      "4 ",
                                      " 4",
                                      "4\n",
                                      "0x4",
                                      "4.0",
                                      "1e3",
                                      "4K",
                                      "\xb2",
                                      "٤",
                                      "--1",
                                      "18446744073709551616",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t v = 42;
        assert_int_equal(num_parse(bad[i], 0, UINT64_MAX, &v), -1);
        assert_int_equal(v, 42);
    }
}

static void num_holds_its_range(void **state)
{
    (void)state;
    uint64_t v = 42;
    assert_int_equal(num_parse("1", 1, 32, &v), 0);
    assert_int_equal(num_parse("32", 1, 32, &v), 0);
    v = 42;
    assert_int_equal(num_parse("0", 1, 32, &v), -1);
    assert_int_equal(num_parse("33", 1, 32, &v), -1);
    assert_int_equal(v, 42);
}

static void num_size_knows_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t unit, bytes;
    } good[] = {{"0", 1, 0},
                {"12", 1, 12},
                {"12", 1 << 20, 12 << 20},
                {"3K", 1 << 20, 3 << 10},
                {"3k", 1, 3 << 10},
                {"5M", 1, 5 << 20},
                {"7g", 1, UINT64_C(7) << 30},
                {"2T", 1, UINT64_C(2) << 40},
                {"16777215T", 1, UINT64_C(16777215) << 40},
                {"18446744073709551615", 1, UINT64_MAX}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t v = 42;
        assert_int_equal(num_parse_size(good[i].text, good[i].unit, &v), 0);
        assert_true(v == good[i].bytes);
    }
}

static void num_size_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "K",   "1KB",  "1 K",       "1P",
                                      "1+", "1\v", "1.5G", "-1",        "1K ",
                                      "1@", "1`",  "1 ",   "16777216T", "18446744073709551616"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t v;
        assert_int_equal(num_parse_size(bad[i], 1, &v), -1);
    }
    uint64_t v;
    assert_int_equal(num_parse_size("18014398509481984", 1024, &v), -1); /* 2^54 * 2^10 */
}

/* --- buf --- */

static void buf_grows_over_its_sizes(void **state)
{
    (void)state;
    /* Around every power of two: the NUL behind the data needs its place too. */
    for (size_t len = 0; len < 1100; len++) {
        cleanup_buf struct buf b = {0};
        for (size_t i = 0; i < len; i++)
            buf_add(&b, "x", 1);
        assert_false(buf_failed(&b));
        assert_int_equal(b.len, len);
        if (len > 0) {
            assert_int_equal(strlen(b.data), len);
            assert_true(b.cap > len);
        }
    }
}

static void buf_takes_one_large_piece(void **state)
{
    (void)state;
    cleanup_buf struct buf b = {0};
    static char piece[100000];
    memset(piece, 'y', sizeof(piece));
    buf_str(&b, "x");
    buf_add(&b, piece, sizeof(piece));
    assert_int_equal(b.len, sizeof(piece) + 1);
    assert_memory_equal(b.data + 1, piece, sizeof(piece));
    assert_int_equal(b.data[b.len], 0);
}

static void buf_formats(void **state)
{
    (void)state;
    cleanup_buf struct buf b = {0};
    buf_fmt(&b, "%s", "");
    assert_string_equal(b.data, "");
    for (int i = 0; i < 200; i++)
        buf_fmt(&b, "%d,", i % 10);
    assert_int_equal(b.len, 400);
    buf_fmt(&b, "%0300d", 7);
    assert_int_equal(b.len, 700);
    assert_string_equal(b.data + 698, "07");
}

static void buf_keeps_nuls(void **state)
{
    (void)state;
    cleanup_buf struct buf b = {0};
    buf_add(&b, "a\0b", 3);
    buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "a\0b", 4);
}

static void buf_drops_from_the_front(void **state)
{
    (void)state;
    cleanup_buf struct buf b = {0};
    buf_drop(&b, 0); /* also of an empty one */
    buf_str(&b, "hello world");
    buf_drop(&b, 6);
    assert_string_equal(b.data, "world");
    assert_int_equal(b.len, 5);
    buf_drop(&b, 5);
    assert_string_equal(b.data, "");
    buf_str(&b, "again");
    assert_string_equal(b.data, "again");
}

static void buf_failure_is_sticky(void **state)
{
    (void)state;
    cleanup_buf struct buf b = {0};
    buf_str(&b, "before");
    b.failed = true;
    buf_str(&b, "after");
    buf_fmt(&b, "%d", 1);
    assert_true(buf_failed(&b));
    assert_string_equal(b.data, "before");
}

/* --- proto --- */

static void hello_goes_round(void **state)
{
    (void)state;
    for (int k = 0; k < PROTO_KINDS; k++) {
        uint8_t bytes[PROTO_HELLO];
        proto_hello(bytes, (enum proto_kind)k, 0xfedcba98);
        enum proto_kind kind = PROTO_KINDS;
        uint32_t session = 0;
        assert_int_equal(proto_hello_parse(bytes, &kind, &session), 0);
        assert_int_equal(kind, k);
        assert_true(session == 0xfedcba98);
    }
}

static void hello_has_the_documented_bytes(void **state)
{
    (void)state;
    uint8_t bytes[PROTO_HELLO];
    proto_hello(bytes, PROTO_STDERR, 0x01020304);
    assert_memory_equal(bytes, "cj\x02\x03\x04\x03\x02\x01", PROTO_HELLO);
}

static void hello_of_strangers_is_refused(void **state)
{
    (void)state;
    /* Any single changed byte of the first four that makes it something else. */
    for (int at = 0; at < 4; at++) {
        for (int value = 0; value < 256; value++) {
            uint8_t bytes[PROTO_HELLO];
            proto_hello(bytes, PROTO_CONTROL, 5);
            bool same = bytes[at] == value || (at == 3 && value < PROTO_KINDS);
            bytes[at] = (uint8_t)value;
            enum proto_kind kind;
            uint32_t session;
            assert_int_equal(proto_hello_parse(bytes, &kind, &session), same ? 0 : at == 2 ? PROTO_OTHER : -1);
        }
    }
}

static void messages_go_round_in_any_pieces(void **state)
{
    (void)state;
    cleanup_buf struct buf all = {0};
    proto_put(&all, PROTO_EXITED, (uint32_t[]){7, 255}, 2, NULL, 0);
    proto_put(&all, PROTO_FAILED, (uint32_t[]){0, 127}, 2, "no such\0file", 12);
    proto_put(&all, PROTO_ACK, NULL, 0, NULL, 0);

    cleanup_buf struct buf in = {0};
    int seen = 0;
    for (size_t i = 0; i < all.len; i++) { /* byte by byte, as a socket may give them */
        buf_add(&in, all.data + i, 1);
        struct proto_msg m;
        if (proto_get(&in, &m) == 0)
            continue;
        uint32_t a = 0, b = 0;
        size_t len;
        const uint8_t *data = proto_data(&m, 2, &len);
        switch (seen++) {
        case 0:
            assert_int_equal(m.type, PROTO_EXITED);
            assert_true(proto_field(&m, 0, &a) && proto_field(&m, 1, &b) && a == 7 && b == 255);
            assert_false(proto_field(&m, 2, &a));
            assert_null(data);
            assert_int_equal(len, 0);
            break;
        case 1:
            assert_int_equal(m.type, PROTO_FAILED);
            assert_true(proto_field(&m, 1, &b) && b == 127);
            assert_int_equal(len, 12);
            assert_memory_equal(data, "no such\0file", 12);
            break;
        default:
            assert_int_equal(m.type, PROTO_ACK);
            assert_int_equal(m.len, 0);
            assert_false(proto_field(&m, 0, &a));
            assert_null(data);
        }
        buf_drop(&in, PROTO_HEADER + m.len);
    }
    assert_int_equal(seen, 3);
    assert_int_equal(in.len, 0);
}

static void message_has_the_documented_bytes(void **state)
{
    (void)state;
    cleanup_buf struct buf b = {0};
    proto_put(&b, PROTO_SIGNAL, (uint32_t[]){0x0a0b0c0d}, 1, "!", 1);
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "\x05\0\0\0\x41\x0d\x0c\x0b\x0a!", 10);
}

static void message_length_is_limited(void **state)
{
    (void)state;
    static const struct {
        uint32_t len;
        int result;
    } cases[] = {{PROTO_MAX, 0}, {PROTO_MAX + 1, -1}, {UINT32_MAX, -1}, {0x80000000, -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_buf struct buf b = {0};
        uint8_t head[PROTO_HEADER] = {(uint8_t)cases[i].len, (uint8_t)(cases[i].len >> 8),
                                      (uint8_t)(cases[i].len >> 16), (uint8_t)(cases[i].len >> 24), PROTO_ACK};
        buf_add(&b, head, sizeof(head));
        struct proto_msg m;
        assert_int_equal(proto_get(&b, &m), cases[i].result);
    }
}

static void short_payloads_give_no_fields(void **state)
{
    (void)state;
    /* 0..8 bytes of payload hold len/4 whole fields; memory of that very size shows any overrun. */
    for (uint32_t len = 0; len <= 8; len++) {
        cleanup_free uint8_t *payload = calloc(1, len + !len);
        struct proto_msg m = {.type = PROTO_ACK, .payload = payload, .len = len};
        uint32_t v;
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(proto_field(&m, i, &v), i < len / 4);
        assert_false(proto_field(&m, SIZE_MAX, &v));
        size_t rest;
        assert_int_equal(proto_data(&m, 1, &rest) != NULL, len > 4);
        assert_int_equal(rest, len > 4 ? len - 4 : 0);
    }
}

/* --- err --- */

static void first_error_wins(void **state)
{
    (void)state;
    struct err e = {0};
    err_hint(&e, "nothing to hint at");
    assert_string_equal(e.text, "");
    assert_int_equal(err_set(&e, "cannot %s %d", "count", 3), -1);
    assert_int_equal(err_set(&e, "later"), -1);
    assert_int_equal(err_sys(&e, "later still"), -1);
    assert_string_equal(e.text, "cannot count 3");
    err_hint(&e, "try %d", 4);
    assert_string_equal(e.text, "cannot count 3 (try 4)");
}

static void system_errors_name_and_keep_errno(void **state)
{
    (void)state;
    struct err e = {0};
    errno = ENOENT;
    assert_int_equal(err_sys(&e, "cannot open %s", "/x"), -1);
    assert_int_equal(errno, ENOENT);
    assert_string_equal(e.text, "cannot open /x: No such file or directory");
    assert_int_equal(err_set(NULL, "nobody asks"), -1);
    assert_int_equal(err_sys(NULL, "nobody asks"), -1);
    err_hint(NULL, "nobody asks");
}

static void long_errors_are_cut(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'z', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct err e = {0};
    errno = EPERM;
    err_sys(&e, "%s", text);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    err_hint(&e, "%s", text);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

/* --- io --- */

static void *write_in_pieces(void *fd)
{
    for (int i = 0; i < 1000; i++)
        if (write(*(int *)fd, "0123456789", 10) != 10)
            abort();
    close(*(int *)fd);
    return NULL;
}

static void reads_are_whole(void **state)
{
    (void)state;
    int fds[2];
    pthread_t writer;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_in_pieces, &fds[1]), 0);
    char data[10001];
    assert_int_equal(io_read_full(fds[0], data, 9995), 9995);
    assert_memory_equal(data + 9990, "01234", 5);
    assert_int_equal(io_read_full(fds[0], data, sizeof(data)), 5); /* up to the end of file */
    assert_int_equal(io_read_full(fds[0], data, sizeof(data)), 0);
    pthread_join(writer, NULL);
    close(fds[0]);
}

/* Counts the bytes that come as they were sent: byte i is i modulo 251. */
static void *read_in_pieces(void *fd)
{
    unsigned char piece[777];
    size_t right = 0;
    ssize_t n;
    while ((n = read(*(int *)fd, piece, sizeof(piece))) > 0)
        for (ssize_t i = 0; i < n; i++)
            right += piece[i] == right % 251;
    return (void *)right;
}

static void interrupt(int number)
{
    (void)number;
}

static void writes_are_whole_when_interrupted(void **state)
{
    (void)state;
    /* A timer's signal, in this thread only, cuts the writes that wait for the reader. */
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    struct sigaction action = {.sa_handler = interrupt}; /* no SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);

    int fds[2];
    pthread_t reader;
    void *right;
    static unsigned char data[20000000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i % 251);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_in_pieces, &fds[0]), 0);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &every, NULL);
    int result = io_write_all(fds[1], data, sizeof(data));
    setitimer(ITIMER_REAL, &never, NULL);
    close(fds[1]);
    pthread_join(reader, &right);
    close(fds[0]);
    assert_int_equal(result, 0);
    assert_int_equal((size_t)right, sizeof(data));
}

static void failures_keep_errno(void **state)
{
    (void)state;
    char byte = 0;
    errno = 0;
    assert_int_equal(io_write_all(-1, &byte, 1), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(io_read_full(-1, &byte, 1), -1);
    assert_int_equal(io_write_all(-1, &byte, 0), 0);

    int fds[2];
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(io_write_all(fds[1], &byte, 1), -1);
    assert_int_equal(errno, EPIPE);
    close(fds[1]);
}

static void offsets_are_kept(void **state)
{
    (void)state;
    cleanup_close int fd = memfd_create("test", MFD_CLOEXEC);
    char data[8] = "";
    assert_int_equal(io_pwrite_all(fd, "abc", 3, 5), 0);
    assert_int_equal(io_pread_full(fd, data, sizeof(data), 4), 4);
    assert_memory_equal(data, "\0abc", 4);
    assert_int_equal(io_pread_full(fd, data, sizeof(data), 8), 0);
    assert_int_equal(io_pread_full(fd, data, 2, 6), 2);
    assert_memory_equal(data, "bc", 2);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
}

static void whole_files_have_a_limit(void **state)
{
    (void)state;
    char path[64];
    cleanup_close int fd = memfd_create("test", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    static char data[8192];
    memset(data, 'q', sizeof(data));
    /* Around the 4096 bytes that it starts with. */
    for (size_t size = 4090; size <= 8192; size += size < 4100 ? 1 : 1023) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(io_pwrite_all(fd, data, size, 0), 0);
        size_t len = 0;
        cleanup_free char *text = io_read_file(AT_FDCWD, path, size, &len);
        assert_non_null(text);
        assert_int_equal(len, size);
        assert_memory_equal(text, data, size);
        assert_int_equal(text[len], 0);
        errno = 0;
        assert_null(io_read_file(AT_FDCWD, path, size - 1, NULL));
        assert_int_equal(errno, EFBIG);
    }
}

static void files_without_size_are_read(void **state)
{
    (void)state;
    size_t len = 0;
    cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/status", 1 << 20, &len);
    assert_non_null(text);
    assert_true(len > 0 && strlen(text) == len && strstr(text, "Pid:"));
    errno = 0;
    assert_null(io_read_file(AT_FDCWD, "/nonexistent/file", 10, NULL));
    assert_int_equal(errno, ENOENT);
    assert_null(io_read_file(AT_FDCWD, "/proc", 10, NULL));
    assert_int_equal(errno, EISDIR);
}

static void text_goes_into_existing_files_only(void **state)
{
    (void)state;
    char path[] = "/tmp/test_common.XXXXXX";
    cleanup_close int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(io_pwrite_all(fd, "12345", 5, 0), 0);
    assert_int_equal(io_write_text(path, "ab"), 0);
    char data[8] = "";
    assert_int_equal(io_pread_full(fd, data, sizeof(data), 0), 5);
    assert_string_equal(data, "ab345"); /* neither truncated nor made anew */
    unlink(path);
    assert_int_equal(io_write_text(path, "ab"), -1);
    assert_int_equal(errno, ENOENT);
}

/* --- beneath ------------------------------------------------------------------------------------- */

/* Both ways to open are held to the same. */
static void a_path_stays_beneath_its_folder(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool opens;
    } cases[] = {{"file", true},          {"in/deep/file", true}, {"in//deep/file", true},  {"link", false},
                 {"in/link/file", false}, {"to-in/deep", false},  {"../file", false},       {"none", false},
                 {"none/file", false},    {"file/file", false},   {"/etc/passwd", false},   {"", false},
                 {"to-root/etc", false},  {"in/fifo", true},      {"proc/self/root", false}};
    char dir[] = "/tmp/test_common.XXXXXX", command[512];
    assert_non_null(mkdtemp(dir));
    snprintf(
        command, sizeof(command),
        "cd %s && mkdir -p in/deep && touch file in/deep/file && ln -s file link && ln -s deep in/link && ln -s in "
        "to-in && ln -s / to-root && mkfifo in/fifo && ln -s /proc proc",
        dir);
    assert_int_equal(system(command), 0);
    int root = open(dir, O_PATH | O_DIRECTORY);
    int (*const ways[])(int, const char *, int, mode_t) = {beneath_open, beneath_walk};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int way = 0; way < 2; way++) {
            int fd = ways[way](root, cases[i].path, O_RDONLY | O_NONBLOCK, 0);
            if ((fd >= 0) != cases[i].opens)
                fail_msg("way %d: %s: %s", way, cases[i].path, fd < 0 ? strerror(errno) : "opened");
            if (fd >= 0) {
                assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
                close(fd);
            }
        }
    for (int way = 0; way < 2; way++) {
        int fd = ways[way](root, "in/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
        struct stat st;
        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(ways[way](root, "in/new", O_WRONLY | O_CREAT | O_EXCL, 0600), -1);
        assert_int_equal(errno, EEXIST);
        close(fd);
        unlinkat(root, "in/new", 0);
    }
    close(root);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(num_takes_whole_decimal_numbers),
        cmocka_unit_test(num_refuses_everything_else),
        cmocka_unit_test(num_holds_its_range),
        cmocka_unit_test(num_size_knows_units),
        cmocka_unit_test(num_size_refuses_everything_else),
        cmocka_unit_test(buf_grows_over_its_sizes),
        cmocka_unit_test(buf_takes_one_large_piece),
        cmocka_unit_test(buf_formats),
        cmocka_unit_test(buf_keeps_nuls),
        cmocka_unit_test(buf_drops_from_the_front),
        cmocka_unit_test(buf_failure_is_sticky),
        cmocka_unit_test(hello_goes_round),
        cmocka_unit_test(hello_has_the_documented_bytes),
        cmocka_unit_test(hello_of_strangers_is_refused),
        cmocka_unit_test(messages_go_round_in_any_pieces),
        cmocka_unit_test(message_has_the_documented_bytes),
        cmocka_unit_test(message_length_is_limited),
        cmocka_unit_test(short_payloads_give_no_fields),
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(system_errors_name_and_keep_errno),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(reads_are_whole),
        cmocka_unit_test(writes_are_whole_when_interrupted),
        cmocka_unit_test(failures_keep_errno),
        cmocka_unit_test(offsets_are_kept),
        cmocka_unit_test(whole_files_have_a_limit),
        cmocka_unit_test(files_without_size_are_read),
        cmocka_unit_test(text_goes_into_existing_files_only),
        cmocka_unit_test(a_path_stays_beneath_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
