/* netsetup/dnsmsg.c: what of a DNS message is its question, and what answers it. */
#include "netsetup/dnsmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define ANSWER "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
#define ERROR "\x12\x34\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"
#define QUESTION "\x01q\x04test\x00\x00\x10\x00\x01"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void test_questions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len, end;
    } rows[] = {
        {HEAD QUESTION, 24, 24},
        {HEAD QUESTION "what is behind", 38, 24},
        {HEAD QUESTION, 23, 0},
        {HEAD, 12, 0},
        {HEAD "\x05q", 14, 0},
        {HEAD "\xc0\x0c\x00\x10\x00\x01", 18, 0}, /* compressed */
        {HEAD "\x00\x00\x10\x00\x01", 17, 17},    /* the root */
        {"\0\0\0\0\0\2\0\0\0\0\0\0" QUESTION, 24, 0},
        {"\0\0\0\0\0\0\0\0\0\0\0\0" QUESTION, 24, 12},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(dnsmsg_question_end((const uint8_t *)rows[i].text, rows[i].len), rows[i].end);
    uint8_t longest[DNSMSG_HEADER + 4 * 64 + 5] = HEAD; /* a name may have 255 bytes, this one has 257 */
    for (int label = 0; label < 4; label++)
        longest[DNSMSG_HEADER + label * 64] = 63;
    assert_int_equal(dnsmsg_question_end(longest, sizeof(longest)), 0);
    longest[DNSMSG_HEADER + 3 * 64] = 61;
    assert_int_equal(dnsmsg_question_end(longest, sizeof(longest)), DNSMSG_HEADER + 255 + 4);
}

static void test_queries(void **state)
{
    (void)state;
    assert_true(dnsmsg_is_query(BYTES(HEAD QUESTION)));
    assert_true(dnsmsg_is_query(BYTES(HEAD)));
    assert_false(dnsmsg_is_query((const uint8_t *)HEAD, 11));
    assert_false(dnsmsg_is_query(BYTES(ANSWER QUESTION)));
}

static void test_answers(void **state)
{
    (void)state;
    assert_true(dnsmsg_answers(BYTES(ANSWER QUESTION "..."), BYTES(HEAD QUESTION)));
    assert_true(dnsmsg_answers(BYTES(ANSWER "\x01Q\x04TesT\x00\x00\x10\x00\x01"), BYTES(HEAD QUESTION)));
    assert_true(dnsmsg_answers(BYTES(ERROR), BYTES(HEAD QUESTION)));
    assert_false(dnsmsg_answers(BYTES(ANSWER "\x01r\x04test\x00\x00\x10\x00\x01"), BYTES(HEAD QUESTION)));
    assert_false(dnsmsg_answers(BYTES(ANSWER "\x01q\x04test\x00\x00\x1c\x00\x01"), BYTES(HEAD QUESTION)));
    assert_false(dnsmsg_answers(BYTES(ANSWER "\x00\x00\x41\x00\x01"), BYTES(HEAD "\x00\x00\x61\x00\x01")));
    assert_false(dnsmsg_answers(BYTES(ANSWER "\x01q"), BYTES(HEAD QUESTION)));
    assert_false(dnsmsg_answers(BYTES("\x12\x34\x81\x80\0\0\0\0\0\0\0\0"), BYTES(HEAD QUESTION))); /* no error */
    assert_false(dnsmsg_answers(BYTES(HEAD QUESTION), BYTES(HEAD QUESTION)));
    assert_false(dnsmsg_answers((const uint8_t *)ANSWER, 11, BYTES(HEAD QUESTION)));
}

static void test_refusals(void **state)
{
    (void)state;
    uint8_t message[] = "\x12\x34\x7d\xff\x00\x01\x00\x00\x00\x00\x00\x01" QUESTION "EDNS";
    assert_int_equal(dnsmsg_refuse(message, sizeof(message) - 1, DNSMSG_SERVFAIL), 24);
    assert_memory_equal(message, "\x12\x34\xf9\x82\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION, 24);
    uint8_t half[] = HEAD "\x05q";
    assert_int_equal(dnsmsg_refuse(half, sizeof(half) - 1, DNSMSG_FORMERR), DNSMSG_HEADER);
    assert_memory_equal(half, "\x12\x34\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00", DNSMSG_HEADER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("dnsmsg", tests, NULL, NULL);
}
