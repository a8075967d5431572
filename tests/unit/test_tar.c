/* common/pack.c and unpack.c, each against GNU tar on the other side, against what is not an archive, and against
 * archives that a hostile guest could send: nothing outside the folder changes, and nothing strange is in it. */
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/pack.h"
#include "common/tar.h"
#include "common/unpack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
    "setcap cap_net_raw+ep sub/new* 2>/dev/null || true; setfattr -n trusted.y -v z sub/new*;"
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

static const struct unpack_plan exact = {.member = ".", .name = "", .exact = true};

/* In a child: they change the working directory and the umask; and they are confined as cp's other process is. */
static int in_child(const struct unpack_plan *plan, const char *archive, const char *dir, const char *member,
                    const char *name, char *said)
{
    int report[2];
    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = {0};
        bool incomplete = false;
        int fd = open(archive, plan ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int where = open(dir, O_PATH | O_DIRECTORY), r;
        if (plan ? plan->strange && confine_unpacking(where, plan->exact, &err) < 0 : confine_packing(where, &err) < 0)
            r = -1;
        else
            r = plan ? tar_unpack(fd, where, plan, &err) : tar_pack(fd, dir, member, name, &incomplete, &err);
        (void)!write(report[1], err.text, sizeof(err.text));
        syscall(SYS_exit_group, r < 0 || incomplete); /* not _exit: see test_sandbox.c */
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
    if (in_child(NULL, "archive", "src", ".", "", said) != 0)
        fail_msg("%s", said);
    shell("tar -xp --same-owner --numeric-owner --xattrs --xattrs-include='*' -C dst -f archive");
    shell(compare);
    if (in_child(NULL, "archive", "src/sub", "data", "", said) != 0)
        fail_msg("%s", said);
    shell("[ \"$(tar -tf archive)\" = data ]");
    assert_int_equal(in_child(NULL, "archive", "src", "nosuch", "", said), 1);
    assert_non_null(strstr(said, "No such file"));
    /* under another name, hard links' targets too; GNU tar's listing of both is the same but for that */
    if (in_child(NULL, "archive", "src", ".", "new \\1&", said) != 0)
        fail_msg("%s", said);
    shell("rm -rf dst; mkdir dst; tar -xp --same-owner --numeric-owner --xattrs --xattrs-include='*' -C dst -f archive;"
          "mv 'dst/new \\1&' other; rmdir dst; mv other dst");
    shell(compare);
    if (in_child(NULL, "archive", "src", "dangling", "new", said) != 0)
        fail_msg("%s", said);
    shell("[ \"$(tar -tvf archive | sed 's/.* new/new/')\" = 'new -> /nonexistent' ]");
}

/* As many levels as a process usually may have folders open. */
static void test_deep(void **state)
{
    (void)state;
    char said[1024];
    shell(
        "rm -rf deep dst; mkdir dst; p=deep; for i in $(seq 1000); do p=$p/d; done; mkdir -p $p; echo bottom >$p/file");
    if (in_child(NULL, "archive", "deep", ".", "", said) != 0)
        fail_msg("%s", said);
    shell("tar -xp -C dst -f archive && diff -r deep dst && [ $(find dst | wc -l) = 1002 ]; r=$?; rm -rf deep dst; "
          "exit $r");
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
                  "setcap -r sub/new* 2>/dev/null || true; setfattr -x trusted.y sub/new*;"
                  "find . -depth -exec touch -h -d @-1000 {} +");
        shell("rm -rf dst keep; mkdir -p dst/sub; echo old >dst/sub/data; : >keep; ln -s ../../keep dst/sub/empty");
        snprintf(command, sizeof(command), "tar -c --format=%s --numeric-owner %s -C src -f archive .", formats[i],
                 i == 0 ? "--xattrs" : "");
        shell(command);
        if (in_child(&exact, "archive", "dst", NULL, NULL, said) != 0)
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
    int code = in_child(&exact, "archive", "dst", NULL, NULL, said);
    if (code != 1 || !strstr(said, why))
        fail_msg("%s: %d, '%s'", make, code, said);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    refused("head -c 5000 /dev/urandom >archive", "not a tar archive");
    refused("tar -C src -cf all .; head -c 9999 all >archive", "ends early");
    refused("head -c 700 all >archive", "ends early");
    refused("tar -C src/sub -P --transform='s,^,../,' -cf archive data", ".. in the archive");
    refused("truncate -s 1M hole; tar -S --format=posix -cf archive hole", "not supported");
    refused("truncate -s 1M hole; tar -S --format=gnu -cf archive hole", "not supported");
    refused("mkdir -p dst/data/x; tar -C src/sub -cf archive data", "in the way");
    shell("[ ! -e data ]"); /* where .. would have led */
}

/* --- what a hostile guest sends ------------------------------------------------------------------------------ */

static const struct unpack_plan wary = {.member = ".", .name = "", .strange = true};
static const struct unpack_plan wary_exact = {.member = ".", .name = "", .strange = true, .exact = true};

static int archive_fd = -1;

static void start_archive(void)
{
    archive_fd = open("archive", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(archive_fd >= 0);
}

static void put_block(const void *data, size_t len)
{
    static const char zeros[TAR_BLOCK];
    assert_int_equal(write(archive_fd, data, len), (ssize_t)len);
    size_t rest = (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK;
    assert_int_equal(write(archive_fd, zeros, rest), (ssize_t)rest);
}

/* One member as a guest may write it: size is what it claims. */
static void put(char type, const char *path, const char *link, const char *mode, unsigned long long size,
                const char *data)
{
    struct tar_header h = {.type = type, .uid = "0001750", .gid = "0001750", .mtime = "00000000001", .magic = "ustar"};
    memcpy(h.name, path, strnlen(path, sizeof(h.name)));
    memcpy(h.link, link, strnlen(link, sizeof(h.link)));
    memcpy(h.mode, mode, strnlen(mode, sizeof(h.mode)));
    memcpy(h.major, "0000001", 7);
    memcpy(h.minor, "0000003", 7);
    char text[32];
    snprintf(text, sizeof(text), "%011llo", size);
    memcpy(h.size, text, sizeof(h.size));
    snprintf(text, sizeof(text), "%06o", tar_checksum(&h));
    memcpy(h.checksum, text, 7);
    put_block(&h, sizeof(h));
    if (*data)
        put_block(data, strlen(data));
}

/* A pax record before the next member. */
static void put_record(const char *keyword, const char *value)
{
    char text[600], with_length[620];
    snprintf(text, sizeof(text), " %s=%s\n", keyword, value);
    size_t len = strlen(text), total = len + 1;
    while (total != len + (size_t)snprintf(NULL, 0, "%zu", total))
        total++;
    snprintf(with_length, sizeof(with_length), "%zu%s", total, text);
    put('x', "pax", "", "0000644", total, with_length);
}

static int unpack_it(const struct unpack_plan *plan, char *said)
{
    close(archive_fd);
    return in_child(plan, "archive", "dst", NULL, NULL, said);
}

static const char world[] =
    "rm -rf dst outside; mkdir -p dst/there outside/sub; echo kept >outside/file; ln -s ../outside dst/out;"
    "ln -s ../../outside dst/there/out; ln -s /proc/self/cwd dst/magic; echo mine >dst/mine; chmod 750 dst/there;"
    "touch -d @1000 outside/file outside/sub outside dst/there";
/* of all that is not in dst */
static const char look[] = "find . -path ./dst -prune -o -path ./archive -prune -o -path './look*' -prune -o -printf "
                           "'%P %y %m %U:%G %T@ %l %n %i %s\\n' | sed '/^ /d' | sort >";

static void look_at(const char *file)
{
    char command[512];
    snprintf(command, sizeof(command), "%s%s", look, file);
    shell(command);
}

static void test_hostile(void **state)
{
    (void)state;
    char said[1024];
    static const struct {
        char type;
        const char *path, *link, *why; /* why: NULL: it is unpacked */
    } rows[] = {
        {'0', "../outside/file", "", ".. in"},
        {'0', "a/../../outside/file", "", ".. in"},
        {'5', "..", "", ".. in"},
        {'0', "out/file", "", "cannot enter"},
        {'0', "there/out/file", "", "cannot enter"},
        {'0', "magic/outside/file", "", "cannot enter"},
        {'5', "out", "", "cannot create"},
        {'5', "out/sub", "", "cannot enter"},
        {'1', "a", "../outside/file", ".. in"},
        {'1', "a", "", "without a target"},
        {'1', "a", "//.", "without a target"},
        {'1', "a", "out/file", "cannot enter"},
        {'2', "out/a", "x", "cannot enter"},
        {'0', "there", "", "in the way"},
        {'5', "mine", "", "cannot create"},
        {'0', ".", "", "without a name"},
        {'2', "/", "x", "without a name"},
        {'S', "sparse", "", "not supported"},
        {'0', "/absolute/file", "", NULL},
        {'0', "//./there/./x", "", NULL},
        {'2', "a", "../outside/file", NULL},
        {'1', "b", "mine", NULL},
        {'1', "b", "out", NULL},
        {'0', "out", "", NULL},
        {'3', "null", "", NULL},
        {'4', "disk", "", NULL},
        {'6', "fifo", "", NULL},
        {'5', "there", "", NULL},
        {'5', "./", "", NULL},
    };
    shell(world);
    look_at("look1");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int all = 0; all < 2; all++) {
            shell(world);
            look_at("look1");
            start_archive();
            put(rows[i].type, rows[i].path, rows[i].link, "0006777", 0, "");
            int code = unpack_it(all ? &wary_exact : &wary, said);
            if (code != (rows[i].why != NULL) || (rows[i].why && !strstr(said, rows[i].why)))
                fail_msg("%c %s: %d, '%s'", rows[i].type, rows[i].path, code, said);
            look_at("look2");
            shell("diff look1 look2 && [ $(cat outside/file) = kept ]");
            if (!all)
                shell("[ -z \"$(find dst -perm /6000 -o -uid 1000 -o -type b -o -type c -o -type p)\" ] &&"
                      "[ $(stat -c %a dst/there) = 750 ]");
        }
}

/* The folder's owner puts a file of root's in the place of what was just made: a hard link, which is no link to follow.
 */
static bool swaps;
static int swapped(int made, int dir, const char *entry)
{
    if (made == 0 && swaps && (unlinkat(dir, entry, 0) < 0 || linkat(dir, "mine", dir, entry, 0) < 0))
        return -1;
    return made;
}
int symlinkat(const char *target, int dir, const char *entry)
{
    return swapped((int)syscall(SYS_symlinkat, target, dir, entry), dir, entry);
}
int mknodat(int dir, const char *entry, mode_t mode, dev_t device)
{
    return swapped((int)syscall(SYS_mknodat, dir, entry, mode, device), dir, entry);
}

static void test_swapped(void **state)
{
    (void)state;
    char said[1024];
    swaps = true;
    for (const char *type = "236"; *type; type++) {
        shell(world);
        shell("touch -d @1000 dst/mine; chmod 600 dst/mine");
        start_archive();
        put(*type, "a", "x", "0006777", 0, "");
        assert_int_equal(unpack_it(&wary_exact, said), 1);
        assert_non_null(strstr(said, "another process is changing the directory"));
        shell("[ \"$(stat -c '%u %a %Y' dst/mine)\" = '0 600 1000' ]");
    }
    swaps = false;
}

/* Members that need each other. */
static void test_hostile_sequences(void **state)
{
    (void)state;
    char said[1024], name[9000];
    shell(world);
    look_at("look1");
    start_archive(); /* a link, then a file through it; the first is there */
    put('2', "l", "../outside", "0000777", 0, "");
    put('0', "l/new", "", "0000777", 1, "x");
    assert_int_equal(unpack_it(&wary, said), 1);
    assert_non_null(strstr(said, "cannot enter the directory l"));
    start_archive(); /* a hard link to a link, then a file in its place */
    put('2', "l", "../outside/file", "0000777", 0, "");
    put('1', "h", "l", "0000777", 0, "");
    put('0', "h", "", "0000777", 1, "x");
    assert_int_equal(unpack_it(&wary, said), 0);
    shell("[ $(cat dst/h) = x ] && [ -L dst/l ]");
    start_archive(); /* the same name, of all kinds */
    put('0', "n", "", "0000777", 3, "one");
    put('2', "n", "../outside/file", "0000777", 0, "");
    put('0', "n", "", "0000640", 3, "two");
    put('1', "n", "n", "0000640", 0, "");
    assert_int_equal(unpack_it(&wary, said), 1);
    start_archive(); /* as long as no file can be; and modes that are none */
    put_record("size", "9223372036854775807");
    put('0', "huge", "", "\xff\xff\xff\xff\xff\xff\xff\xff", 4, "data");
    assert_int_equal(unpack_it(&wary, said), 1);
    assert_non_null(strstr(said, "ends early"));
    start_archive();
    put('0', "mode", "", "\xff\xff\xff\xff\xff\xff\xff\xff", 4, "data");
    put('0', "mode2", "", "77777777", 4, "data");
    assert_int_equal(unpack_it(&wary, said), 0);
    shell("[ $(stat -c %a dst/mode dst/mode2 | tr '\\n' ' ' | tr -d ' ') = 777777 ]");
    start_archive(); /* names by records and by GNU's own members */
    put_record("path", "../outside/file");
    put('0', "harmless", "", "0000644", 1, "x");
    assert_int_equal(unpack_it(&wary, said), 1);
    start_archive();
    put('L', "././@LongLink", "", "0000644", 16, "../outside/file");
    put('0', "harmless", "", "0000644", 1, "x");
    assert_int_equal(unpack_it(&wary, said), 1);
    start_archive();
    put_record("linkpath", "../outside/file");
    put('1', "harmless", "mine", "0000644", 0, "");
    assert_int_equal(unpack_it(&wary, said), 1);
    memset(name, 'x', sizeof(name));
    name[8999] = '\0';
    start_archive();
    put('L', "././@LongLink", "", "0000644", 8999, name);
    put('0', "harmless", "", "0000644", 1, "x");
    assert_int_equal(unpack_it(&wary, said), 1);
    start_archive(); /* attributes that give rights */
    put_record("SCHILY.xattr.security.capability", "\x01\x01\x01\x02\x01\x20\x01\x01\x01\x01\x01\x01");
    put_record("SCHILY.xattr.trusted.overlay.opaque", "y");
    put_record("SCHILY.xattr.user.note", "kept");
    put('0', "capable", "", "0004755", 1, "x");
    assert_int_equal(unpack_it(&wary, said), 0);
    shell("[ \"$(getfattr -hd -m - dst/capable | grep =)\" = 'user.note=\"kept\"' ]");
    look_at("look2");
    shell("diff look1 look2 && [ $(cat outside/file) = kept ]");
}

/* Only what was asked for comes, under its new name. */
static void test_chosen(void **state)
{
    (void)state;
    char said[1024];
    struct unpack_plan plan = {.member = "data", .name = "new", .strange = true};
    shell(world);
    start_archive();
    put('0', "mine", "", "0000644", 5, "other");
    put('0', "database", "", "0000644", 5, "other");
    put('0', "data", "", "0000644", 4, "good");
    assert_int_equal(unpack_it(&plan, said), 0);
    shell("[ $(cat dst/mine) = mine ] && [ $(cat dst/new) = good ] && [ ! -e dst/data ] && [ ! -e dst/database ]");
    start_archive();
    put('1', "data", "mine", "0000644", 0, "");
    assert_int_equal(unpack_it(&plan, said), 1);
    assert_non_null(strstr(said, "not part of the copy"));
}

/* Members by chance, of names that meet each other and lead out. */
static void test_random(void **state)
{
    (void)state;
    static const char *const parts[] = {"a",     "b",  "c", "out", "there",   "mine",
                                        "magic", "..", ".", "",    "outside", "file"};
    enum { PARTS = sizeof(parts) / sizeof(*parts), ROUNDS = 200 };
    char said[1024];
    srandom(1);
    shell(world);
    look_at("look1");
    for (int round = 0; round < ROUNDS; round++) {
        start_archive();
        for (long n = random() % 12; n >= 0; n--) {
            char path[2][100];
            for (int i = 0; i < 2; i++)
                snprintf(path[i], sizeof(path[i]), "%s%s/%s%s%s", random() % 8 ? "" : "/",
                         parts[random() % (random() % 4 ? 7 : PARTS)], parts[random() % (random() % 4 ? 7 : PARTS)],
                         random() % 2 ? "/" : "", random() % 2 ? parts[random() % 7] : "");
            char type = "0001225556"[random() % 10];
            put(type, path[0] + (random() % 2 ? 0 : strcspn(path[0], "/") + (path[0][0] != '/')), path[1], "0006777",
                type == '0' ? 4 : 0, type == '0' ? "evil" : "");
        }
        unpack_it(round % 2 ? &wary : &wary_exact, said);
        if (round % 100 == 99) {
            look_at("look2");
            shell("diff look1 look2 && [ $(cat outside/file) = kept ]");
            shell("rm -rf dst; mkdir -p dst/there; ln -s ../outside dst/out; ln -s ../../outside dst/there/out;"
                  "ln -s /proc/self/cwd dst/magic; echo mine >dst/mine");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_unpack),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_swapped),
        cmocka_unit_test(test_hostile_sequences),
        cmocka_unit_test(test_chosen),
        cmocka_unit_test(test_random),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("tar", tests, set_up, tear_down);
}
