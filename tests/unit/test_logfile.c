/* The log of a VM in the background (ctl/logfile.h): what is written is what is read. */
#include "common/cleanup.h"
#include "common/io.h"
#include "ctl/logfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Appends the text of a stream as it is read from a file. */
static void read_back(int folder, const char *name, enum logfile_stream stream, struct buf *out)
{
    struct logfile_line line;
    size_t len = 0, used;
    cleanup_free char *text = io_read_file(folder, name, 2 * LOGFILE_MAX, &len);
    for (char *at = text; at && (used = logfile_next(at, len, &line)) > 0; at += used, len -= used) {
        assert_non_null(line.text);
        assert_int_equal(line.time_len, strlen("2026-11-27T12:00:00.123456789Z"));
        if (line.stream != stream)
            continue;
        buf_add(out, line.text, line.text_len);
        buf_str(out, line.partial ? "" : "\n");
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    char path[] = "/tmp/logfile.XXXXXX";
    cleanup_buf struct buf wanted = {0}, got = {0}, errors = {0};
    assert_non_null(mkdtemp(path));
    cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY);
    struct logfile l;
    assert_int_equal(logfile_open(&l, folder), 0);
    /* pieces of many lengths, of which some have no newline, some several, and bytes of all kinds */
    for (unsigned i = 0; i < 400; i++) {
        static char piece[70000];
        size_t len = (i * 7919U) % (i % 50 == 0 ? sizeof(piece) : 300);
        for (size_t k = 0; k < len; k++)
            piece[k] = (char)(k % 97 == 96 ? '\n' : (i * 31 + k * 7) % 256);
        buf_add(&wanted, piece, len);
        logfile_add(&l, LOGFILE_STDOUT, piece, len);
        logfile_add(&l, LOGFILE_STDERR, "e", 1);
    }
    logfile_close(&l);
    read_back(folder, LOGFILE, LOGFILE_STDOUT, &got);
    read_back(folder, LOGFILE, LOGFILE_STDERR, &errors);
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.data, wanted.data, wanted.len);
    assert_int_equal(errors.len, 400);
    unlinkat(folder, LOGFILE, 0);
    rmdir(path);
}

static void test_bounds(void **state)
{
    (void)state;
    static char line[LOGFILE_LINE];
    char path[] = "/tmp/logfile.XXXXXX";
    struct stat st;
    struct logfile l;
    assert_non_null(mkdtemp(path));
    cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY);
    memset(line, 'x', sizeof(line));
    for (int again = 0; again < 2; again++) { /* also when it goes on */
        assert_int_equal(logfile_open(&l, folder), 0);
        for (int i = 0; i < 700; i++)
            logfile_add(&l, LOGFILE_STDOUT, line, sizeof(line));
        logfile_close(&l);
        assert_int_equal(fstatat(folder, LOGFILE, &st, 0), 0);
        assert_true(st.st_size <= LOGFILE_MAX);
        assert_int_equal(fstatat(folder, LOGFILE_BEFORE, &st, 0), 0);
        assert_true(st.st_size <= LOGFILE_MAX && st.st_size > LOGFILE_MAX / 2);
    }
    unlinkat(folder, LOGFILE, 0);
    unlinkat(folder, LOGFILE_BEFORE, 0);
    rmdir(path);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "x",
                                        "t stdout",
                                        "t stdout F",
                                        "t stdout X text",
                                        "t out F text",
                                        "stdout F text",
                                        "t stdin_ F text",
                                        "t stdoutF  text",
                                        " "};
    struct logfile_line line;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        cleanup_buf struct buf text = {0};
        buf_str(&text, lines[i]);
        assert_int_equal(logfile_next(text.data ? text.data : "", text.len, &line), 0); /* it may still go on */
        buf_str(&text, "\nt stderr F next\n");
        assert_int_equal(logfile_next(text.data, text.len, &line), strlen(lines[i]) + 1);
        assert_null(line.text);
        assert_true(logfile_next(text.data + strlen(lines[i]) + 1, text.len - strlen(lines[i]) - 1, &line) > 0);
        assert_int_equal(line.stream, LOGFILE_STDERR);
        assert_int_equal(line.text_len, strlen("next"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
