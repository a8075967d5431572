/* entry/vmm/console.c: what is kept of a text, and that it may come without end. */
#include "entry/vmm/console.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_without_end(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int fd = open("/dev/zero", O_RDONLY);
    struct console *c = console_new(loop, fd, "console", NULL, NULL);
    assert_non_null(c);
    alarm(20); /* the end of a test that would have none */
    console_drain(c);
    alarm(0);
    assert_in_range(console_text(c)->len, 64 * 1024, 128 * 1024);
    console_free(c);
    close(fd);
    loop_free(loop);
}

static void test_a_full_pipe(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int ends[2], size = 0;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], "one line\n", 9) == 9)
        size += 9;
    struct console *c = console_new(loop, ends[0], "console", NULL, NULL);
    console_drain(c);
    assert_int_equal(console_text(c)->len, size);
    assert_string_equal(console_summary(c), "one line");
    console_free(c);
    close(ends[0]);
    close(ends[1]);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_end),
        cmocka_unit_test(test_a_full_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
