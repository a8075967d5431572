/* guest-init/members.c: real processes, with the kernel's own ids. */
#include "guest-init/members.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t boottime(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A session of three, each in a process group of its own; the last one has told when all are there. */
static pid_t start_session(void)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t leader = fork();
    if (leader == 0) {
        setsid();
        for (int i = 0; i < 2; i++)
            if (fork() == 0) {
                setpgid(0, 0);
                (void)!write(ready[1], "x", 1);
                for (;;)
                    pause();
            }
        signal(SIGHUP, SIG_IGN);
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    char c;
    for (int i = 0; i < 3; i++)
        assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return leader;
}

static void test_members(void **state)
{
    (void)state;
    uint64_t before = boottime() - 1000000000;
    pid_t leader = start_session();
    int status;
    assert_int_equal(members_signal(leader, UINT64_MAX, 0), 3);
    assert_int_equal(members_signal(leader, boottime() + 1000000000, 0), 3);
    assert_int_equal(members_signal(leader, before, SIGKILL), 0); /* they are younger */
    assert_int_equal(members_signal(leader, UINT64_MAX, 0), 3);
    kill(leader, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)leader, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(members_signal(leader, UINT64_MAX, 0), 2); /* a zombie does not count */
    assert_int_equal(waitpid(leader, &status, 0), leader);
    assert_int_equal(members_signal(leader, UINT64_MAX, SIGKILL), 2);
    while (members_signal(leader, UINT64_MAX, 0) > 0)
        usleep(1000);
}

static pid_t child;
static bool others(pid_t pid)
{
    return pid != child;
}

static void test_all_but_spared(void **state)
{
    (void)state;
    siginfo_t info;
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    assert_int_equal(members_signal_all(others, 0), 1);
    assert_int_equal(members_signal_all(others, SIGKILL), 1);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(members_signal_all(others, 0), 0); /* a zombie does not count */
    waitpid(child, NULL, 0);
    child = getpid(); /* which never counts */
    assert_int_equal(members_signal_all(others, SIGKILL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members), cmocka_unit_test(test_all_but_spared)};
    return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
