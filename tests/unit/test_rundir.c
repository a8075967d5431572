/* The run folder: made, locked, refused, written, and what a dead VM left of it removed. */
#include "common/cleanup.h"
#include "common/io.h"
#include "common/local.h"
#include "common/process.h"
#include "entry/host/rundir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

static char top[] = "/tmp/test_rundir.XXXXXX", base[64];

static int begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(top));
    snprintf(base, sizeof(base), "%s/run", top);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return rmdir(top); /* which says that nothing is left */
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void test_made_and_removed(void **state)
{
    (void)state;
    struct rundir r = RUNDIR_NONE;
    struct err err = {0};
    char path[128];
    assert_int_equal(rundir_make(&r, base, "a", &err), 0);
    assert_int_equal(mode_of(base), 0700);
    assert_int_equal(mode_of(r.path), 0700);
    assert_int_equal(rundir_write(&r, "first", 5, &err), 0);
    assert_int_equal(rundir_write(&r, "2nd", 3, &err), 0);
    snprintf(path, sizeof(path), "%s/state.json", r.path);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, 100, NULL);
    assert_string_equal(text, "2nd");
    assert_int_equal(mode_of(path), 0600);
    int listener = local_listen(r.path);
    assert_true(listener >= 0);
    snprintf(path, sizeof(path), "%s/control", r.path);
    assert_int_equal(mode_of(path), 0600);
    rundir_remove(&r);
    close(listener);
    assert_int_equal(access(base, F_OK), -1);
}

static void test_an_id_is_one_vms(void **state)
{
    (void)state;
    struct rundir a = RUNDIR_NONE, again = RUNDIR_NONE, b = RUNDIR_NONE;
    struct err err = {0};
    assert_int_equal(rundir_make(&a, base, "a", &err), 0);
    int listener = local_listen(a.path);
    assert_int_equal(rundir_make(&again, base, "a", &err), -1);
    assert_string_equal(err.text, "VM_ID=a: a VM with that id is running");
    assert_int_equal(again.dir, -1);
    assert_int_equal(rundir_make(&b, base, "b", &err), 0);
    rundir_remove(&a);
    assert_int_equal(access(base, F_OK), 0);
    rundir_remove(&b);
    close(listener);
}

/* Killed with all that it has made; another id's start removes it, and its own id's too. */
static void test_the_dead_are_removed(void **state)
{
    (void)state;
    static const char *const ids[] = {"other", "dead"};
    for (int i = 0; i < 2; i++) {
        struct rundir r = RUNDIR_NONE;
        struct err err = {0};
        char path[128], c;
        int pid_fd, ready[2];
        assert_int_equal(pipe(ready), 0);
        if (process_fork(&pid_fd) == 0) {
            if (rundir_make(&r, base, "dead", &err) < 0 || rundir_write(&r, "x", 1, &err) < 0 ||
                local_listen(r.path) < 0 || write(ready[1], "", 1) != 1)
                _exit(1);
            pause();
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        close(ready[0]);
        process_end(&pid_fd);
        snprintf(path, sizeof(path), "%s/dead", base);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(rundir_make(&r, base, ids[i], &err), 0);
        assert_int_equal(access(path, F_OK), i - 1);
        snprintf(path, sizeof(path), "%s/dead/state.json", base);
        assert_int_equal(access(path, F_OK), -1);
        rundir_remove(&r);
    }
}

/* Whoever has no memory for a lock (flock(2): ENOLCK) just when another one starts with the same id.  In the other's
 * process mkdir waits for that moment, which is behind its look at dead VMs, and flock tells when it has to wait. */
static int go[2] = {-1, -1}, told[2] = {-1, -1};
static bool is_other, fails;
static char last; /* what the other one has told */

int mkdir(const char *path, mode_t mode)
{
    char c;
    if (is_other && strcmp(path, base) == 0 && fails) {
        fails = false;
        (void)!write(told[1], "b", 1);
        (void)!read(go[0], &c, 1);
    }
    return mkdirat(AT_FDCWD, path, mode);
}

static char told_next(void)
{
    return last = read(told[0], &last, 1) == 1 ? last : '\0';
}

int flock(int fd, int operation)
{
    struct stat st;
    if (fails && !is_other && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        fails = false;
        (void)!write(go[1], "", 1);
        told_next(); /* it waits, or has all that it wants */
        errno = ENOLCK;
        return -1;
    }
    int r = (int)syscall(SYS_flock, fd, operation | LOCK_NB);
    if (r == 0 || errno != EWOULDBLOCK || operation & LOCK_NB)
        return r;
    if (is_other)
        (void)!write(told[1], "w", 1);
    return (int)syscall(SYS_flock, fd, operation);
}

static void test_no_memory_for_locks(void **state)
{
    (void)state;
    struct rundir r = RUNDIR_NONE;
    struct err err = {0};
    int pid_fd;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(told), 0);
    fails = true;
    pid_t self = getpid();
    if (process_fork(&pid_fd) == 0) {
        process_end_with(self);
        is_other = true;
        (void)!write(told[1], rundir_make(&r, base, "a", &err) == 0 ? "h" : "n", 1);
        pause();
    }
    assert_int_equal(told_next(), 'b');
    assert_int_equal(rundir_make(&r, base, "a", &err), -1);
    assert_non_null(strstr(err.text, "No locks available"));
    close(told[1]);
    while (last == 'w')
        told_next();
    err.text[0] = '\0';
    assert_int_equal(rundir_make(&r, base, "a", &err), -1);
    assert_string_equal(err.text, "VM_ID=a: a VM with that id is running");
    process_end(&pid_fd);
    assert_int_equal(rundir_make(&r, base, "a", &err), 0);
    rundir_remove(&r);
}

static void test_others_folders_are_refused(void **state)
{
    (void)state;
    struct rundir r = RUNDIR_NONE;
    struct err err = {0};
    char others[80], empty[96];
    snprintf(others, sizeof(others), "%s/others", top);
    snprintf(empty, sizeof(empty), "%s/empty", others);
    assert_int_equal(mkdir(others, 0700), 0);
    assert_int_equal(mkdir(empty, 0700), 0);
    assert_int_equal(symlink(others, base), 0);
    assert_int_equal(rundir_make(&r, base, "a", &err), -1);
    assert_non_null(strstr(err.text, "remove it"));
    unlink(base);
    assert_int_equal(rename(others, base), 0);
    assert_int_equal(chmod(base, 0777), 0);
    err.text[0] = '\0';
    assert_int_equal(rundir_make(&r, base, "a", &err), -1);
    assert_non_null(strstr(err.text, "remove it"));
    snprintf(empty, sizeof(empty), "%s/empty", base);
    assert_int_equal(rmdir(empty), 0); /* nothing in them was touched */
    rmdir(base);
    err.text[0] = '\0';
    assert_int_equal(rundir_make(&r, "/proc/none", "a", &err), -1);
    assert_non_null(strstr(err.text, "docker run --tmpfs /run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_and_removed),           cmocka_unit_test(test_an_id_is_one_vms),
        cmocka_unit_test(test_the_dead_are_removed),       cmocka_unit_test(test_no_memory_for_locks),
        cmocka_unit_test(test_others_folders_are_refused),
    };
    return cmocka_run_group_tests_name("rundir", tests, begin, end);
}
