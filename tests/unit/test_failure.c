/* entry/host/failure.c: every way in which the jailer or Firecracker can end, and their messages, become one line. */
#include "entry/host/failure.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What is told of a wait status (man 2 wait: the exit status is its second byte, a signal its first). */
static bool explain(int failed, int status, const char *said, const char *logged, struct err *err)
{
    int ends[2];
    struct failure_report r = {failed, status};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], &r, sizeof(r)), sizeof(r));
    close(ends[1]);
    *err = (struct err){"what was said before"};
    bool told = failure_explain(ends[0], said, logged, err);
    close(ends[0]);
    return told;
}

static void assert_told(int status, const char *said, const char *logged, const char *wanted)
{
    struct err err;
    assert_true(explain(0, status, said, logged, &err));
    if (!strstr(err.text, wanted) || strchr(err.text, '\n') || strstr(err.text, "said before"))
        fail_msg("%#x: %s: wanted: %s", status, err.text, wanted);
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *wanted;
    } table[] = {
        {148 << 8, "status 148, its seccomp filter"},
        {149 << 8, "status 149, SIGBUS"},
        {150 << 8, "status 150, SIGSEGV"},
        {151 << 8, "status 151, SIGXFSZ"},
        {152 << 8, "status 152, it does not accept"},
        {153 << 8, "status 153, it does not accept"},
        {154 << 8, "status 154, SIGXCPU"},
        {155 << 8, "status 155, SIGPIPE"},
        {156 << 8, "status 156, SIGHUP"},
        {157 << 8, "status 157, SIGILL"},
        {SIGKILL, "signal 9, it was killed"},
        {SIGTERM, "signal 15, SIGTERM"},
        {SIGXFSZ, "signal 25, a file"},
        {SIGXCPU, "signal 24, it used up its CPU time"},
        {SIGSYS, "signal 31, a seccomp"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        assert_told(table[i].status, "", NULL, table[i].wanted);
        assert_told(table[i].status, "", NULL, " (");
        bool killed = table[i].status < 0x80; /* a signal: what was logged before tells nothing of that */
        struct err err;
        assert_told(table[i].status, "the guest's console", "2026-11-25T08:00:00.1 [id:main] Why.\n",
                    killed ? " (" : ": Why. (");
        explain(0, table[i].status, "", "2026-11-25T08:00:00.1 [id:main] Why.\n", &err);
        assert_int_equal(strstr(err.text, "Why.") == NULL, killed);
    }
}

static void test_words(void **state)
{
    (void)state;
    struct err err;
    assert_told(SIGABRT,
                "thread 'main' panicked at src/jailer/src/main.rs:1:2:\nJailer error: Failed to copy a to b: No "
                "space left on device (os error 28)\nnote: run with `RUST_BACKTRACE=1`\n",
                "", "the jailer refuses: Failed to copy a to b: No space left on device (os error 28) (the jail is");
    assert_told(1 << 8, "Error: Debug(\"form\")\n",
                "2026-11-25T08:00:00.1 [id:main] RunWithApiError error: no\n"
                "2026-11-25T08:00:00.2 [id:main] Firecracker exiting with error. exit_code=1\n",
                "ended with status 1: RunWithApiError error: no");
    assert_told(2 << 8, "guest-static: unknown verb\n", NULL, "ended with status 2: guest-static: unknown verb");
    assert_told(2 << 8, NULL, NULL, "ended with status 2");
    assert_false(explain(0, 0, "x", "y", &err));
    assert_string_equal(err.text, "what was said before");
    assert_true(explain(8, 0, NULL, NULL, &err));
    assert_string_equal(err.text, "cannot run the jailer: Exec format error");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    assert_true(failure_explain(ends[0], NULL, NULL, &err));
    assert_string_equal(err.text, "the jail's processes were killed");
    close(ends[0]);
}

static void test_hints(void **state)
{
    (void)state;
    struct err err = {"Firecracker refuses network-interfaces/eth0: Resource busy (os error 16)"};
    failure_hint(err.text, &err);
    assert_non_null(strstr(err.text, "(os error 16) (another process has opened TAP_DEVICE"));
    err = (struct err){"Firecracker refuses vsock: something new"};
    failure_hint(err.text, &err);
    assert_string_equal(err.text, "Firecracker refuses vsock: something new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends), cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_hints)};
    return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
