/* common/text.c, and what prints with it: log lines, JSON, lines of a console. */
#include "common/text.h"

#include "common/json.h"
#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *text, *shown; /* shown: as lines */
} rows[] = {
    {"", ""},
    {"plain ~ text", "plain ~ text"},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82"},
    {"\t one\n two\r\n", "\t one\n two\r\n"},
    {"over\rwritten\r", "over\\x0dwritten\\x0d"},
    {"\x1b[31m\x07\x08\x7f", "\\x1b[31m\\x07\\x08\\x7f"},
    {"C1: \xc2\x80 \xc2\x9b \xc2\x9f \xc2\xa0", "C1: \\xc2\\x80 \\xc2\\x9b \\xc2\\x9f \xc2\xa0"},
    {"bytes: \x9b"
     "1m \x80 \xff\xfe \xc2",
     "bytes: \\x9b"
     "1m \\x80 \\xff\\xfe \\xc2"},
    {"overlong: \xc0\x9b \xe0\x82\x9b", "overlong: \\xc0\\x9b \\xe0\\x82\\x9b"},
    {"surrogate: \xed\xa0\x80, too far: \xf4\x90\x80\x80", "surrogate: \\xed\\xa0\\x80, too far: \\xf4\\x90\\x80\\x80"},
    {"right to left: \xe2\x80\xae \xe2\x81\xa6", "right to left: \\xe2\\x80\\xae \\xe2\\x81\\xa6"},
    {"line: \xe2\x80\xa8", "line: \\xe2\\x80\\xa8"},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void lines_are_shown(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        struct buf out = {0};
        text_show_lines(&out, rows[i].text, strlen(rows[i].text));
        buf_add(&out, "", 0);
        assert_string_equal(out.data, rows[i].shown);
        buf_free(&out);
    }
}

/* Of all code points and all bytes, none that steers comes through. */
static void nothing_steers(void **state)
{
    (void)state;
    for (uint32_t word = 0; word < 0x1000000; word += word < 0x20000 ? 1 : 257) {
        char text[4] = {(char)word, (char)(word >> 8), (char)(word >> 16)}, shown[TEXT_SHOWN];
        size_t len, took = text_show(text, 3, shown, &len);
        uint32_t code;
        assert_in_range(took, 1, 3);
        for (size_t at = 0, n; at < len; at += n) {
            n = text_decode(shown + at, len - at, &code);
            assert_true(n > 0 && !text_steers(code));
        }
    }
}

static void log_lines_are_text(void **state)
{
    (void)state;
    char got[9000] = "", long_text[2100];
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    memset(long_text, '\x9b', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    dup2(ends[1], STDERR_FILENO);
    log_error("a\x1b]0;x\x07 b\n\xc2\x9b"
              "c \xc3\xbc");
    log_error("%s", long_text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], got + len, sizeof(got) - 1 - len)) > 0;)
        len += (size_t)n;
    close(ends[0]);
    char *end = strchr(got, '\n');
    assert_non_null(end);
    *end = '\0';
    assert_string_equal(got, "ctr-jailer: a\\x1b]0;x\\x07 b\\x0a\\xc2\\x9b"
                             "c \xc3\xbc");
    assert_int_equal(strlen(end + 1), strlen("ctr-jailer: ") + 2047 * 4 + 1);
}

static void json_is_text(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json j = {.out = &out, .first = true};
    json_string(&j, NULL, "\x1b \xc2\x9b \x9b \xe2\x80\xae \xc3\xbc \"\\");
    assert_string_equal(out.data, "\"\\u001b \\u009b \\ufffd \\u202e \xc3\xbc \\\"\\\\\"");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_shown), cmocka_unit_test(nothing_steers),
                                       cmocka_unit_test(log_lines_are_text), cmocka_unit_test(json_is_text)};
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
