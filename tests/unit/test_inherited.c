/* What the container's limits, sysctls and /dev/shm come to in the guest: entry/disks/inherited.c, common/limits.c. */
#include "common/cleanup.h"
#include "common/limits.h"
#include "common/privilege.h"
#include "entry/disks/inherited.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Whether the settings have this one. */
static bool has(const struct buf *settings, const char *wanted)
{
    for (size_t at = 0; at < settings->len; at += strlen(settings->data + at) + 1)
        if (strcmp(settings->data + at, wanted) == 0)
            return true;
    return false;
}

static bool names(const struct buf *settings, const char *limit)
{
    char start[32];
    snprintf(start, sizeof(start), "limit=%s=", limit);
    for (size_t at = 0; at < settings->len; at += strlen(settings->data + at) + 1)
        if (strncmp(settings->data + at, start, strlen(start)) == 0)
            return true;
    return false;
}

/* In a child: a limit cannot be raised again, and those that are too low already are not looked at.  The exit code says
 * which check failed. */
static int check_limits(void)
{
    static const struct {
        int resource;
        struct rlimit limit;
        const char *name;
    } usual[] = {
        {RLIMIT_NPROC, {RLIM_INFINITY, RLIM_INFINITY}, "nproc"},
        {RLIMIT_CORE, {0, RLIM_INFINITY}, "core"},
        {RLIMIT_MEMLOCK, {8 << 20, 8 << 20}, "memlock"},
        {RLIMIT_MEMLOCK, {65536, 65536}, "memlock"},
        {RLIMIT_NOFILE, {1024, 4096}, "nofile"},
        {RLIMIT_MSGQUEUE, {819200, 819200}, "msgqueue"},
    };
    const struct rlimit mine = {100, 2000};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
        out.len = 0;
        if (setrlimit((__rlimit_resource_t)usual[i].resource, &usual[i].limit) == 0) {
            inherited_limits(&out);
            if (names(&out, usual[i].name))
                return (int)i + 1;
        }
    }
    struct rlimit pending;
    getrlimit(RLIMIT_SIGPENDING, &pending);
    out.len = 0;
    if (setrlimit(RLIMIT_NPROC, &pending) == 0) {
        inherited_limits(&out);
        if (names(&out, "nproc"))
            return 10;
    }
    setrlimit(RLIMIT_NPROC, &mine);
    setrlimit(RLIMIT_NOFILE, &mine);
    setrlimit(RLIMIT_MSGQUEUE, &mine);
    out.len = 0;
    inherited_limits(&out);
    bool good =
        has(&out, "limit=nproc=100:2000") && has(&out, "limit=nofile=100:2000") && has(&out, "limit=msgqueue=100:2000");
    buf_free(&out);
    return good ? 0 : 11;
}

enum { EMULATED = 99 }; /* qemu-user takes limits of memory and does nothing */

/* In a child, too.  Whoever may raise hard limits gets rid of these. */
static int check_lift(void)
{
    static const __rlimit_resource_t all[] = {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NPROC};
    bool may_raise = privilege_held() & PRIVILEGE(CAP_SYS_RESOURCE);
    struct rlimit limit;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (getrlimit(all[i], &limit) == 0)
            setrlimit(all[i], &(struct rlimit){limit.rlim_max / 2, limit.rlim_max});
    if (getrlimit(RLIMIT_DATA, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return EMULATED;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){20, 2000});
    setrlimit(RLIMIT_STACK, &(struct rlimit){65536, 64 << 20});
    inherited_lift();
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (getrlimit(all[i], &limit) < 0 || limit.rlim_cur != (may_raise ? RLIM_INFINITY : limit.rlim_max))
            return 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur != 1024 || limit.rlim_max != 2000)
        return 2;
    return getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == 8 << 20 && limit.rlim_max == 64 << 20 ? 0 : 3;
}

static int in_child(int (*check)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(check());
    waitpid(pid, &status, 0);
    return status;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(in_child(check_limits), 0);
}

static void test_lift(void **state)
{
    (void)state;
    int lifted = in_child(check_lift);
    if (WEXITSTATUS(lifted) == EMULATED)
        skip();
    assert_int_equal(lifted, 0);
}

static void test_limits_go_round(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "nofile",
                                      "nofile=1",
                                      "nofile=1:",
                                      "nofile=:1",
                                      "nosuch=1:2",
                                      "nofile=1:2:3",
                                      "nofile=1: 2",
                                      "nofile=-1:2",
                                      "NOFILE=1:2",
                                      "nofile=1:2 ",
                                      "nofile=1:99999999999999999999",
                                      "averyveryverylongname=1:2"};
    for (int i = 0; i < LIMITS_COUNT; i++) {
        struct buf text = {0};
        struct rlimit limit = {(rlim_t)i, i % 2 ? RLIM_INFINITY : INT64_MAX}, got;
        limits_print(&limits_rows[i], &limit, &text);
        assert_ptr_equal(limits_parse(text.data, &got), &limits_rows[i]);
        assert_memory_equal(&got, &limit, sizeof(got));
        buf_free(&text);
    }
    struct rlimit limit;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (limits_parse(bad[i], &limit))
            fail_msg("'%s' was taken", bad[i]);
}

static void test_sysctls(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_inherited.XXXXXX", command[512];
    struct buf out = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof(command),
             "cd %s && mkdir -p net/core net/ipv4 kernel && echo 4096 >net/core/somaxconn && echo 32768'\t'60999 "
             ">net/ipv4/ip_local_port_range && echo 0 >net/ipv4/ip_unprivileged_port_start && echo >net/ipv4/"
             "ip_local_reserved_ports && echo 9 >kernel/msgmni && echo '250\t32000 \t 100  128' >kernel/sem",
             dir);
    assert_int_equal(system(command), 0);
    int fd = open(dir, O_PATH | O_DIRECTORY);
    inherited_sysctls(fd, &out);
    assert_true(has(&out, "seen_sysctl=kernel/msgmni=9") && has(&out, "seen_sysctl=kernel/sem=250 32000 100 128"));
    assert_int_equal(out.len,
                     sizeof("seen_sysctl=kernel/msgmni=9") + sizeof("seen_sysctl=kernel/sem=250 32000 100 128"));
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    close(fd);
    buf_free(&out);
}

static void test_shm(void **state)
{
    (void)state;
    const uint64_t mib = 1 << 20;
    struct buf out = {0};
    inherited_shm(0, 4096 * mib, &out);
    inherited_shm(2048 * mib, 4096 * mib, &out); /* half */
    inherited_shm(2040 * mib, 4096 * mib, &out);
    assert_int_equal(out.len, 0);
    inherited_shm(64 * mib, 4096 * mib, &out);
    assert_true(has(&out, "shm=67108864"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits), cmocka_unit_test(test_lift),
                                       cmocka_unit_test(test_limits_go_round), cmocka_unit_test(test_sysctls),
                                       cmocka_unit_test(test_shm)};
    return cmocka_run_group_tests_name("inherited", tests, NULL, NULL);
}
