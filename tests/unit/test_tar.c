/* guest-init/pack.c and unpack.c, each against GNU tar on the other side, and against what is no archive. */
#include "guest-init/tar.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_tar.XXXXXX";

static void shell(const char *script)
{
    if (system(script) != 0)
        fail_msg("failed: %s", script);
}

/* All that an archive should keep: names, owners, modes, times, links, devices, attributes. */
static const char make_tree[] =
    "set -e; mkdir -p src/sub src/ro src/link-dir; cd src; long=$(printf 'x%.0s' $(seq 200));"
    "mkdir -p $long/$long; echo a >$long/$long/$long; ln -s ../$long/$long/$long sub/$long; ln $long/$long/$long hard;"
    "head -c 100001 /dev/urandom >sub/data; : >sub/empty; printf x >'sub/new\nline, \\1&'; ln sub/data sub/data2;"
    "chown 1234:5678 sub/data; chmod 4755 sub/data; chown 4000000000:3000000 sub/empty; ln -s /nonexistent dangling;"
    "chown -h 7:8 dangling; mkfifo fifo; mknod null c 1 3; mknod disk b 259 70000; chmod 1777 sub; echo z >ro/z;"
    "chmod 555 ro; setfattr -n user.x -v 'a\nb' sub/data; setfattr -n user.empty sub; setfacl -m u:33:rx ro/z;"
    "setcap cap_net_raw+ep sub/new* 2>/dev/null || setfattr -n trusted.y -v z sub/new*;"
    "touch -d '1960-01-02 03:04:05.25' sub/data; touch -d '2106-02-07 06:28:16.000000001' ro/z; touch -h -d @1.5 "
    "dangling;"
    "touch -d @0 sub/empty; touch -d '2001-02-03 04:05:06.789012345' sub ro $long .";

static const char compare[] =
    "list() { (cd $1; find . -printf '%p %y %m %U:%G %T@ %l %n %s\\n' | sort; getfattr -hRd -m - . | grep -v '^$';"
    " find . -type f -print0 | sort -z | xargs -0 sha256sum; find . -type b -exec stat -c '%n %t %T' {} +); };"
    "list src >src.list; list dst >dst.list; diff -a src.list dst.list";

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return -1;
    return system(make_tree);
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") < 0 || system(command);
}

/* In a child: they change the working directory and the umask. */
static int in_child(bool packing, const char *archive, const char *dir, const char *member, char *said)
{
    int report[2];
    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = {0};
        bool incomplete = false;
        int fd = open(archive, packing ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0600);
        int r = packing ? tar_pack(fd, dir, member, &incomplete, &err) : tar_unpack(fd, dir, &err);
        (void)!write(report[1], err.text, sizeof(err.text));
        _exit(r < 0 || incomplete);
    }
    close(report[1]);
    (void)!read(report[0], said, sizeof(((struct err *)0)->text));
    close(report[0]);
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void test_pack(void **state)
{
    (void)state;
    char said[1024];
    shell("rm -rf dst; mkdir dst");
    if (in_child(true, "archive", "src", ".", said) != 0)
        fail_msg("%s", said);
    shell("tar -xp --same-owner --numeric-owner --xattrs --xattrs-include='*' -C dst -f archive");
    shell(compare);
    if (in_child(true, "archive", "src/sub", "data", said) != 0)
        fail_msg("%s", said);
    shell("[ \"$(tar -tf archive)\" = data ]");
    assert_int_equal(in_child(true, "archive", "src", "nosuch", said), 1);
    assert_non_null(strstr(said, "No such file"));
}

static void test_unpack(void **state)
{
    (void)state;
    char said[1024];
    /* over what is in the way: a file, and a link that must not be followed */
    const char *const formats[] = {"posix", "gnu"};
    for (int i = 0; i < 2; i++) {
        char command[256];
        if (i == 1) /* which has whole seconds and no attributes */
            shell("cd src; setfacl -b ro/z; setfattr -x user.x sub/data; setfattr -x user.empty sub;"
                  "setcap -r sub/new* 2>/dev/null || setfattr -x trusted.y sub/new*;"
                  "find . -depth -exec touch -h -d @-1000 {} +");
        shell("rm -rf dst keep; mkdir -p dst/sub; echo old >dst/sub/data; : >keep; ln -s ../../keep dst/sub/empty");
        snprintf(command, sizeof(command), "tar -c --format=%s --numeric-owner %s -C src -f archive .", formats[i],
                 i == 0 ? "--xattrs" : "");
        shell(command);
        if (in_child(false, "archive", "dst", NULL, said) != 0)
            fail_msg("%s", said);
        shell(compare);
        shell("[ ! -s keep ]");
    }
}

static void refused(const char *make, const char *why)
{
    char said[1024];
    shell("rm -rf dst; mkdir dst");
    shell(make);
    int code = in_child(false, "archive", "dst", NULL, said);
    if (code != 1 || !strstr(said, why))
        fail_msg("%s: %d, '%s'", make, code, said);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    refused("head -c 5000 /dev/urandom >archive", "no tar archive");
    refused("tar -C src -cf all .; head -c 9999 all >archive", "ends early");
    refused("head -c 700 all >archive", "ends early");
    refused("tar -C src/sub -P --transform='s,^,../,' -cf archive data", ".. in the archive");
    refused("truncate -s 1M hole; tar -S --format=posix -cf archive hole", "not supported");
    refused("truncate -s 1M hole; tar -S --format=gnu -cf archive hole", "not supported");
    refused("mkdir -p dst/data/x; tar -C src/sub -cf archive data", "in the way");
    shell("[ ! -e data ]"); /* where .. would have led */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_unpack),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests_name("tar", tests, set_up, tear_down);
}
