/* The VM's memory, Firecracker's versions and counters, and what is told of them. */
#include "common/json.h"
#include "entry/life/metrics.h"
#include "entry/vmm/balloon.h"
#include "entry/vmm/counters.h"
#include "entry/vmm/prometheus.h"
#include "entry/vmm/reclaim.h"
#include "entry/vmm/version.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A guest that uses so much of its memory, asked until nothing changes: the balloon's size. */
static uint64_t settle(uint64_t size, uint64_t min, uint64_t used, uint64_t from, int *rounds)
{
    struct reclaim_facts f = {.size = size, .min = min, .actual = from, .target = from};
    for (*rounds = 0; *rounds < 100; ++*rounds) {
        f.available = used + f.actual < size ? size - used - f.actual : 0;
        uint64_t target = reclaim_target(&f);
        assert_true(target <= size - min);
        if (target == f.target)
            return target;
        f.target = f.actual = target;
    }
    fail_msg("it never settles");
    return 0;
}

static void test_an_idle_guest_lends(void **state)
{
    (void)state;
    int rounds;
    assert_in_range(settle(1024, 64, 100, 0, &rounds), 1024 - 100 - 64 - 13 - 16, 1024 - 100 - 64 - 12);
    assert_in_range(rounds, 3, 12); /* not at once, but soon */
    assert_int_equal(settle(1024, 512, 100, 0, &rounds), 512);
    assert_int_equal(settle(1024, 1024, 100, 0, &rounds), 0);
    assert_int_equal(settle(1024, 64, 1000, 0, &rounds), 0); /* a busy one does not */
    assert_int_equal(settle(1024, 64, 1024, 0, &rounds), 0);
}

static void test_a_guest_in_need_gets_all_at_once(void **state)
{
    (void)state;
    int rounds;
    uint64_t lent = settle(1024, 64, 100, 0, &rounds);
    uint64_t left = settle(1024, 64, 600, lent / 2, &rounds);
    assert_true(1024 - left >= 600 + 64);
    assert_int_equal(settle(1024, 64, 1000, lent, &rounds), 0);
    assert_in_range(rounds, 1, 4);
    /* the kernel has taken from the balloon itself: nothing is asked of it again */
    struct reclaim_facts f = {.size = 1024, .min = 64, .available = 20, .actual = 300, .target = 600};
    assert_in_range(reclaim_target(&f), 0, 300 + 20 - 64);
}

static void test_small_changes_change_nothing(void **state)
{
    (void)state;
    struct reclaim_facts f = {.size = 1024, .min = 64, .available = 100, .actual = 500, .target = 500};
    for (f.available = 115 - 12; f.available <= 115 + 12; f.available++)
        assert_int_equal(reclaim_target(&f), 500);
    f.available = 700; /* it has not given what it was asked for yet: no more is asked */
    f.actual = 100;
    assert_int_equal(reclaim_target(&f), 500);
}

/* Whatever a guest says, it keeps min, and the balloon is no larger than its memory. */
static void test_a_guest_that_lies(void **state)
{
    (void)state;
    static const uint64_t odd[] = {0, 1, 64, 1023, 1024, 1025, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
    enum { ODD = sizeof(odd) / sizeof(*odd) };
    for (int i = 0; i < ODD * ODD * ODD; i++) {
        struct reclaim_facts f = {1024, 128, odd[i % ODD], odd[i / ODD % ODD], odd[i / ODD / ODD]};
        assert_true(reclaim_target(&f) <= 1024 - 128);
    }
}

static void test_versions(void **state)
{
    (void)state;
    struct vmm_plan plain = {0}, report = {.report_free = true};
    struct err err = {0};
    assert_int_equal(version_check("1.12.0", &plain, &err), 0);
    assert_int_equal(version_check("1.16.1-dev", &plain, &err), 0);
    assert_int_equal(version_check("2.0.0", &report, &err), 0);
    assert_int_equal(version_check("1.14.0", &report, &err), 0);
    assert_int_equal(version_check("1.9.1", &plain, &err), -1);
    assert_string_equal(err.text, "VM_FIRECRACKER_BIN: Firecracker 1.9.1 is too old: 1.12 or newer is needed");
    err = (struct err){0};
    assert_int_equal(version_check("1.12.1", &report, &err), -1);
    assert_string_equal(err.text, "VM_MEM_RECLAIM=yes (free page reporting) needs Firecracker 1.14 or newer; "
                                  "VM_FIRECRACKER_BIN is 1.12.1");
    assert_int_equal(version_check("", &plain, NULL), -1);
    assert_int_equal(version_check("one.two", &plain, NULL), -1);
    assert_true(version_resumes("1.12.1"));
    assert_true(version_resumes("1.15.1"));
    assert_false(version_resumes("1.16.0"));
    assert_false(version_resumes("1.16.1"));
    assert_true(version_resumes("1.16.2"));
}

static void add_up(void *arg, const char *object, const char *key, uint64_t value)
{
    buf_fmt(arg, "%s.%s=%llu ", object, key, (unsigned long long)value);
}

static void test_numbers_of_json(void **state)
{
    (void)state;
    struct buf out = {0};
    const char *text = "{\"a\":1,\"b\":{\"c\":2,\"d\":{\"e\":3},\"f\":[4],\"g\":\"5\",\"h\":-6,\"i\":7.5,\"j\":8},"
                       "\"k\":[{\"l\":9}],\"m\":18446744073709551615}";
    assert_int_equal(json_numbers(text, strlen(text), add_up, &out), 0);
    assert_string_equal(out.data, ".a=1 b.c=2 b.j=8 ");
    for (size_t len = 0; len < strlen(text); len++) {
        char *cut = malloc(len + 1); /* so that a read behind it is seen */
        memcpy(cut, text, len);
        assert_int_equal(json_numbers(cut, len, add_up, &out), -1);
        free(cut);
    }
    static const char *const wrong[] = {"", "[1]", "1", "{\"a\" 1}", "}{", "{\"a\":}", "{,}", "\xff\xfe", "{\"a\":[}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        json_numbers(wrong[i], strlen(wrong[i]), add_up, &out);
    buf_free(&out);
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_counters_add_up(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    struct loop *loop = loop_new();
    struct counters *c = counters_new(loop, fds[0]);
    struct buf out = {0};
    say(fds[1], "{\"block\":{\"read_bytes\":999},\"block_root\":{\"read_bytes\":10,\"read_count\":1},\"vcpu\":{\"fai");
    counters_read(c);
    say(fds[1], "lures\":2}}\nno JSON\n{\"block_root\":{\"read_bytes\":5},\"block_da\\\"\\n\":{\"read_bytes\":1},"
                "\"net_eth0\":{\"rx_bytes_count\":7}}\n");
    for (int i = 0; i < 100; i++) { /* more devices than there can be */
        char line[64];
        snprintf(line, sizeof(line), "{\"block_x%d\":{\"read_bytes\":1}}\n", i);
        say(fds[1], line);
    }
    counters_read(c);
    char *much = malloc(60000);
    memset(much, '{', 60000);
    for (int i = 0; i < 10; i++) { /* a line without end */
        assert_int_equal(write(fds[1], much, 60000), 60000);
        counters_read(c);
    }
    free(much);
    say(fds[1], "\n{\"vcpu\":{\"failures\":3}}\n");
    counters_read(c);
    counters_print(c, "v", &out);
    assert_non_null(strstr(out.data, "\nctr_jailer_disk_read_bytes_total{vm=\"v\",disk=\"root\"} 15\n"));
    assert_non_null(strstr(out.data, "\nctr_jailer_disk_reads_total{vm=\"v\",disk=\"root\"} 1\n"));
    assert_non_null(strstr(out.data, "\nctr_jailer_network_receive_bytes_total{vm=\"v\",interface=\"eth0\"} 7\n"));
    assert_non_null(strstr(out.data, "\nctr_jailer_vcpu_errors_total{vm=\"v\"} 5\n"));
    assert_null(strstr(out.data, "999"));
    buf_free(&out);
    counters_free(c);
    loop_free(loop);
    close(fds[0]);
    close(fds[1]);
}

static void test_labels(void **state)
{
    (void)state;
    struct buf out = {0};
    struct prometheus m = {"x_bytes", "gauge", "Help"};
    prometheus_head(&out, &m);
    prometheus_sample(&out, &m, "v", "disk", "a\"b\\c\nd\xff", 1073741824.5);
    assert_string_equal(out.data, "# HELP ctr_jailer_x_bytes Help\n# TYPE ctr_jailer_x_bytes gauge\n"
                                  "ctr_jailer_x_bytes{vm=\"v\",disk=\"a\\\"b\\\\c\\nd?\"} 1073741824.5\n");
    buf_free(&out);
}

static void test_what_is_not_known_is_not_told(void **state)
{
    (void)state;
    struct buf out = {0};
    uint64_t figures[BALLOON_FIGURES];
    for (int i = 0; i < BALLOON_FIGURES; i++)
        figures[i] = BALLOON_UNKNOWN;
    struct status_facts facts = {
        .restarts = -1, .firecracker = STATUS_PROCESS_NONE, .started = 2000000000, .begun = 1000000000};
    metrics_fill("v", "booting", &facts, &(struct status_boot){0}, "1.12.1", 256, figures, &out);
    assert_non_null(strstr(out.data, "ctr_jailer_boot_seconds{vm=\"v\",phase=\"firecracker\"} 1\n"));
    assert_non_null(strstr(out.data, "ctr_jailer_guest_memory_size_bytes{vm=\"v\"} 268435456\n"));
    assert_null(strstr(out.data, "phase=\"exec\""));
    assert_null(strstr(out.data, "last_exit"));
    assert_null(strstr(out.data, "restarts"));
    assert_null(strstr(out.data, "balloon"));
    out.len = 0;
    figures[BALLOON_ACTUAL] = 3;
    facts.restarts = 2;
    facts.last = (struct status_end){137, "out-of-memory"};
    metrics_fill("v", "booting", &facts, &(struct status_boot){0}, "1.12.1", 256, figures, &out);
    assert_non_null(strstr(out.data, "ctr_jailer_balloon_actual_bytes{vm=\"v\"} 3145728\n"));
    assert_non_null(strstr(out.data, "ctr_jailer_last_exit_code{vm=\"v\"} 137\n"));
    assert_non_null(strstr(out.data, "ctr_jailer_last_exit_info{vm=\"v\",reason=\"out-of-memory\"} 1\n"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_guest_lends),
        cmocka_unit_test(test_a_guest_in_need_gets_all_at_once),
        cmocka_unit_test(test_small_changes_change_nothing),
        cmocka_unit_test(test_a_guest_that_lies),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_numbers_of_json),
        cmocka_unit_test(test_counters_add_up),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_what_is_not_known_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
