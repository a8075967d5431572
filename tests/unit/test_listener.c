/* common/listener.c: a process without a free descriptor does not ask for the connection that waits again and again,
 * and takes it once there is one. */
#include "common/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct rig {
    struct listener listener; /* first: its watch is the rig */
    struct loop *loop;
    struct timer later;
    int client, taken, spare[256];
    unsigned spares, tries;
    bool done;
} rig;

static void give_up(void *arg)
{
    (void)arg;
    rig.done = true;
}

static void ready(struct watch *w, short revents)
{
    (void)w, (void)revents;
    rig.tries++;
    rig.taken = listener_accept(&rig.listener, NULL, NULL);
    rig.done = rig.taken >= 0;
}

static int set_up(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX}; /* the kernel chooses a name */
    socklen_t size = sizeof(a);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)state;
    rig = (struct rig){.loop = loop_new(), .client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .taken = -1};
    return bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family)) || listen(fd, 1) ||
           getsockname(fd, (struct sockaddr *)&a, &size) || connect(rig.client, (struct sockaddr *)&a, size) ||
           listener_start(&rig.listener, rig.loop, fd, ready);
}

static int tear_down(void **state)
{
    (void)state;
    listener_stop(&rig.listener);
    loop_free(rig.loop);
    close(rig.listener.watch.fd);
    close(rig.client);
    close(rig.taken);
    return 0;
}

static void take_all(void)
{
    int fd;
    while (rig.spares < 256 && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        rig.spare[rig.spares++] = fd;
    assert_true(rig.spares > 0 && rig.spares < 256);
}

static void free_all(struct timer *t)
{
    (void)t;
    while (rig.spares)
        close(rig.spare[--rig.spares]);
}

static void accepts(void **state)
{
    (void)state;
    loop_run(rig.loop, &rig.done);
    assert_true(rig.taken >= 0);
    assert_int_equal(rig.tries, 1);
    assert_int_equal(fcntl(rig.taken, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(rig.taken, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

/* With a limit that is soon reached; the one before. */
static struct rlimit take_all_of_few(void)
{
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, was.rlim_max}), 0);
    take_all();
    return was;
}

/* A loop that asks at once would do so thousands of times. */
static void rests(void **state)
{
    (void)state;
    struct rlimit was = take_all_of_few();
    rig.later.fired = free_all;
    loop_timer(rig.loop, &rig.later, loop_now() + 500000000);
    loop_deadline(rig.loop, loop_now() + UINT64_C(30000000000), give_up, NULL);
    loop_run(rig.loop, &rig.done);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(rig.taken >= 0);
    assert_in_range(rig.tries, 2, 10);
}

static void stops_while_it_rests(void **state)
{
    (void)state;
    struct rlimit was = take_all_of_few();
    ready(&rig.listener.watch, 0);
    listener_stop(&rig.listener);
    free_all(NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    loop_deadline(rig.loop, loop_now() + 300000000, give_up, NULL);
    loop_run(rig.loop, &rig.done);
    assert_int_equal(rig.tries, 1);
    assert_int_equal(rig.taken, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accepts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_while_it_rests, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
