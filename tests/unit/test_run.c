/* common/run.c: what a program has, what is kept of its output, and how it is cancelled. */
#include "common/cancel.h"
#include "common/run.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static void a_program_is_cancelled(void **state)
{
    (void)state;
    const char *const argv[] = {"sleep", "100", NULL};
    struct err err = {0};
    int wish[2];
    assert_int_equal(pipe(wish), 0);
    cancel_by(wish[0]);
    assert_false(cancel_wanted());
    assert_int_equal(write(wish[1], "", 1), 1);
    assert_true(cancel_wanted());
    assert_int_equal(run_program(argv, NULL, 0, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "sleep was killed by signal 15"));
    cancel_by(-1);
    assert_false(cancel_wanted());
    close(wish[0]);
    close(wish[1]);
}

/* As under a start whose caller forgot a descriptor: the program has three, and the fourth is how it looks. */
static void a_program_has_no_other_descriptors(void **state)
{
    (void)state;
    const char *const argv[] = {"ls", "/proc/self/fd", NULL};
    cleanup_buf struct buf out = {0};
    struct err err = {0};
    int forgotten = dup(STDERR_FILENO), far = fcntl(STDERR_FILENO, F_DUPFD, 100);
    assert_int_equal(run_program(argv, NULL, 0, &out, &out, &err), 0);
    assert_string_equal(out.data, "0\n1\n2\n3\n");
    close(forgotten);
    close(far);
}

/* The user of a program that reads foreign data; root alone may become it. */
static const struct run_as nobody = {.uid = 65534};

static void the_end_of_much_output_is_kept(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i + 1)); done; exit 3",
                                NULL};
    cleanup_buf struct buf out = {0};
    struct err err = {0};
    if (geteuid() != 0)
        skip();
    assert_int_equal(run_program_as(argv, &nobody, &out, &err), 3);
    assert_int_equal(out.len, RUN_OUTPUT_MAX);
    assert_string_equal(run_last_line(&out), "line 99999");
}

static void all_of_little_output_is_kept(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "echo first; echo second >&2", NULL};
    cleanup_buf struct buf out = {0};
    struct err err = {0};
    if (geteuid() != 0)
        skip();
    assert_int_equal(run_program_as(argv, &nobody, &out, &err), 0);
    assert_string_equal(out.data, "first\nsecond\n");
}

/* Even one that has closed its output, and so is not heard. */
static void such_a_program_is_cancelled(void **state)
{
    (void)state;
    const char *const scripts[] = {"while :; do :; done", "exec >&- 2>&-; while :; do :; done",
                                   "while :; do echo; done"};
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
        const char *const argv[] = {"sh", "-c", scripts[i], NULL};
        cleanup_buf struct buf out = {0};
        struct err err = {0};
        int wish[2];
        assert_int_equal(pipe(wish), 0);
        assert_int_equal(write(wish[1], "", 1), 1);
        cancel_by(wish[0]);
        assert_int_equal(run_program_as(argv, &nobody, &out, &err), -1);
        assert_string_equal(err.text, "sh was killed by signal 15");
        cancel_by(-1);
        close(wish[0]);
        close(wish[1]);
    }
}

static void such_a_program_has_bounds(void **state)
{
    (void)state;
    const struct run_as small = {.uid = 65534, .memory = 64 << 20};
    const char *const fifo[] = {"mkfifo", "/tmp/never", NULL};
    const char *const dd[] = {"dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1", "status=none", NULL};
    cleanup_buf struct buf out = {0};
    struct err err = {0};
    bool qemu = syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS; /* has neither filters nor this limit */
    if (geteuid() != 0 || qemu)
        skip();
    assert_int_equal(run_program_as(dd, &nobody, &out, &err), 0);
    assert_int_equal(run_program_as(dd, &small, &out, &err), 1);
    assert_non_null(strstr(out.data, "memory"));
    assert_int_equal(run_program_as(fifo, &nobody, &out, &err), -1);
    assert_string_equal(err.text, "mkfifo was killed by its seccomp filter: its input made it try a forbidden system "
                                  "call");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_cancelled),         cmocka_unit_test(a_program_has_no_other_descriptors),
        cmocka_unit_test(the_end_of_much_output_is_kept), cmocka_unit_test(all_of_little_output_is_kept),
        cmocka_unit_test(such_a_program_is_cancelled),    cmocka_unit_test(such_a_program_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
