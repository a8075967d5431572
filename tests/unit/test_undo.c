/* entry/host/undo.c, and common/process.c that it is used with. */
#include "common/process.h"
#include "entry/host/undo.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a step that is undone writes: its name and who did it. */
struct step {
    int out;
    char name;
};

static void tell(void *handle)
{
    const struct step *s = handle;
    char line[32];
    int n = snprintf(line, sizeof(line), "%c %d\n", s->name, (int)getpid());
    assert_int_equal(write(s->out, line, (size_t)n), n);
}

static struct undo *two_steps(struct step steps[2], int out)
{
    struct undo *u = undo_new();
    assert_non_null(u);
    for (int i = 0; i < 2; i++) {
        steps[i] = (struct step){out, (char)('a' + i)};
        assert_int_equal(undo_push(u, "a step", tell, &steps[i], NULL), 0);
    }
    return u;
}

/* Who undid "b" and then "a", and nothing else until the last of the pipe's other ends was closed. */
static int who(FILE *in)
{
    char first, second;
    int one, two;
    assert_int_equal(fscanf(in, "%c %d\n%c %d\n", &first, &one, &second, &two), 4);
    assert_int_equal(first, 'b');
    assert_int_equal(second, 'a');
    assert_int_equal(one, two);
    assert_int_equal(fgetc(in), EOF);
    return one;
}

static void test_in_reverse(void **state)
{
    (void)state;
    int p[2];
    struct step steps[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    undo_all(two_steps(steps, p[1]));
    close(p[1]);
    FILE *in = fdopen(p[0], "r");
    assert_int_equal(who(in), getpid());
    fclose(in);
}

static void test_by_the_keeper(void **state)
{
    (void)state;
    int p[2];
    struct step steps[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    struct undo *u = two_steps(steps, p[1]);
    assert_int_equal(undo_entrust(u, NULL, 0, NULL), 0);
    close(p[1]);
    undo_all(u);
    FILE *in = fdopen(p[0], "r");
    assert_int_not_equal(who(in), getpid());
    fclose(in);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it was waited for */
}

static void test_killed(void **state)
{
    (void)state;
    int p[2], pid_fd;
    struct step steps[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid_t pid = process_fork(&pid_fd);
    if (pid == 0) {
        if (undo_entrust(two_steps(steps, p[1]), NULL, 0, NULL) < 0 || write(p[1], "!", 1) != 1)
            _exit(1);
        pause();
        _exit(1);
    }
    close(p[1]);
    FILE *in = fdopen(p[0], "r");
    assert_int_equal(fgetc(in), '!'); /* it has its keeper */
    process_end(&pid_fd);
    assert_int_equal(pid_fd, -1);
    assert_int_equal(waitpid(pid, NULL, 0), -1); /* it was reaped */
    assert_int_not_equal(who(in), pid);
    fclose(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_reverse),
        cmocka_unit_test(test_by_the_keeper),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
