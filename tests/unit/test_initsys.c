/* entry/plan/initsys.c: which commands are init systems, also behind links, which must not lead out of the tree. */
#include "entry/plan/initsys.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char tree[] = "/tmp/test_initsys.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return !mkdtemp(tree) || chdir(tree) < 0 || mkdir("lib", 0755) < 0 || mkdir("lib/systemd", 0755) < 0 ||
           mkdir("sbin", 0755) < 0 || mkdir("bin", 0755) < 0 || mkdir("alpine", 0755) < 0 || mkdir("old", 0755) < 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", tree);
    return system(command);
}

static void assert_init(const char *command, const char *name, int stop_signal)
{
    const struct initsys *found = initsys_find(tree, command, "/sbin:/alpine:/bin");
    if (!found || strcmp(found->name, name) != 0 || found->stop_signal != stop_signal)
        fail_msg("%s is taken for %s, signal %d", command, found ? found->name : "(none)",
                 found ? found->stop_signal : 0);
}

static void test_links(void **state)
{
    (void)state;
    if (syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS)
        skip(); /* qemu-user */
    fclose(fopen("lib/systemd/systemd", "w"));
    fclose(fopen("bin/busybox", "w"));
    assert_int_equal(symlink("/lib/systemd/systemd", "sbin/init"), 0);
    assert_int_equal(symlink("../sbin/init", "bin/my-init"), 0);
    assert_int_equal(symlink("../bin/busybox", "alpine/init"), 0);
    assert_int_equal(symlink("../bin/busybox", "bin/sh"), 0);
    assert_init("/sbin/init", "systemd", SIGRTMIN + 4);
    assert_init("/bin/my-init", "systemd", SIGRTMIN + 4);
    assert_init("/lib/systemd/systemd", "systemd", SIGRTMIN + 4);
    assert_init("/alpine/init", "busybox", SIGUSR2);
    assert_null(initsys_find(tree, "/bin/sh", "/bin"));
    assert_null(initsys_find(tree, "/bin/busybox", "/bin"));
}

static void test_names(void **state)
{
    (void)state;
    assert_init("/init", "init", SIGTERM);
    assert_init("/usr/sbin/init", "sysvinit", SIGINT);
    assert_init("/usr/bin/tini", "tini", SIGTERM); /* also one that is not there: the guest says so */
    assert_null(initsys_find(tree, "/usr/bin/nginx", "/bin"));
    assert_null(initsys_find(tree, "/app/init", "/bin"));
    assert_null(initsys_find("/nonexistent", "/bin/bash", "/bin"));
}

static void test_search(void **state)
{
    (void)state;
    if (syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS)
        skip(); /* qemu-user */
    assert_null(initsys_find(tree, "systemd", "/bin"));
    fclose(fopen("bin/tini", "w"));
    assert_null(initsys_find(tree, "tini", "/sbin:/bin:/old")); /* which is not to be executed */
    assert_int_equal(chmod("bin/tini", 0755), 0);
    assert_int_equal(chmod("lib/systemd/systemd", 0755), 0);
    assert_init("tini", "tini", SIGTERM);
    assert_init("init", "systemd", SIGRTMIN + 4); /* by /sbin's link */
    assert_null(initsys_find(tree, "tini", "/sbin:bin:"));
    assert_null(initsys_find(tree, "tini", ""));
    assert_null(initsys_find(tree, "bin/tini", "/"));
    assert_null(initsys_find(tree, "dumb-init", "/bin"));
    assert_string_equal(initsys_find("bin/tini", "dumb-init", "/bin")->name, "dumb-init"); /* as of a sealed image */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_search),
    };
    return cmocka_run_group_tests_name("initsys", tests, set_up, tear_down);
}
