/* common/pump.c: how a pump ends. */
#include "common/pump.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A pump from one socket to another, whose far ends are ours. */
struct rig {
    struct pump pump; /* first: a pump is its rig */
    struct loop *loop;
    int in[2], out[2];
    bool ended, late;
};

static void ended(struct pump *p)
{
    ((struct rig *)p)->ended = true;
}

static void too_late(void *arg)
{
    ((struct rig *)arg)->ended = ((struct rig *)arg)->late = true;
}

static int set_up(void **state)
{
    static struct rig rig;
    memset(&rig, 0, sizeof(rig));
    rig.loop = loop_new();
    *state = &rig;
    return !rig.loop || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, rig.in) < 0 ||
           socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, rig.out) < 0 ||
           pump_start(&rig.pump, rig.loop, rig.in[0], rig.out[0], 0, ended) < 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    pump_stop(&rig->pump);
    for (int i = 0; i < 2; i++) {
        close(rig->in[i]);
        close(rig->out[i]);
    }
    loop_free(rig->loop);
    return 0;
}

/* Runs until the pump has ended, or half a second has passed. */
static void turn(struct rig *rig)
{
    loop_deadline(rig->loop, loop_now() + 500000000, too_late, rig);
    loop_run(rig->loop, &rig->ended);
}

static void assert_got(struct rig *rig, const char *text)
{
    char got[64] = "";
    assert_int_equal(read(rig->out[1], got, sizeof(got) - 1), strlen(text));
    assert_string_equal(got, text);
}

static void a_limit_ends_an_input_that_stays_open(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(write(rig->in[1], "abcdef", 6), 6);
    pump_limit(&rig->pump, 4);
    assert_false(rig->ended);
    turn(rig);
    assert_false(rig->late);
    assert_got(rig, "abcd");
}

static void a_limit_that_is_reached_already_ends_at_once(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(write(rig->in[1], "ab", 2), 2);
    turn(rig);
    assert_true(rig->late);
    assert_got(rig, "ab");
    rig->ended = false;
    pump_limit(&rig->pump, 1);
    assert_true(rig->ended);
}

static void a_limit_beyond_the_input_changes_nothing(void **state)
{
    struct rig *rig = *state;
    pump_limit(&rig->pump, 100);
    assert_int_equal(write(rig->in[1], "ab", 2), 2);
    assert_int_equal(shutdown(rig->in[1], SHUT_WR), 0);
    turn(rig);
    assert_false(rig->late);
    assert_got(rig, "ab");
}

static void draining_takes_what_is_there(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(write(rig->in[1], "abc", 3), 3);
    pump_drain(&rig->pump);
    assert_int_equal(write(rig->in[1], "too late", 8), 8);
    turn(rig);
    assert_false(rig->late);
    assert_got(rig, "abc");
}

static void draining_nothing_ends_at_once(void **state)
{
    struct rig *rig = *state;
    pump_drain(&rig->pump);
    assert_true(rig->ended);
}

/* More than a terminal's line discipline holds, which is all that FIONREAD tells of, and less than its buffer,
 * for which the write would wait. */
static void draining_a_terminal_takes_all_of_it(void **state)
{
    (void)state;
    struct rig rig = {.loop = loop_new()};
    char data[8000], got[sizeof(data) + 1];
    memset(data, 'x', sizeof(data));
    int ours = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
    int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, rig.out), 0);
    assert_int_equal(write(theirs, data, sizeof(data)), sizeof(data));
    assert_int_equal(pump_start(&rig.pump, rig.loop, ours, rig.out[0], 0, ended), 0);
    pump_drain(&rig.pump);
    turn(&rig);
    assert_false(rig.late);
    assert_int_equal(recv(rig.out[1], got, sizeof(got), MSG_DONTWAIT), sizeof(data));
    close(theirs);
    close(ours);
    close(rig.out[0]);
    close(rig.out[1]);
    loop_free(rig.loop);
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RIGGED(a_limit_ends_an_input_that_stays_open),
        RIGGED(a_limit_that_is_reached_already_ends_at_once),
        RIGGED(a_limit_beyond_the_input_changes_nothing),
        RIGGED(draining_takes_what_is_there),
        RIGGED(draining_nothing_ends_at_once),
        cmocka_unit_test(draining_a_terminal_takes_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
