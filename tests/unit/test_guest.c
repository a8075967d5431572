/* What the guest's init parses: the image's passwd and group, requests for an exec, and the settings; the folders it
 * makes; and when it sets the clock. */
#include "common/buf.h"
#include "common/user.h"
#include "guest-init/clock.h"
#include "guest-init/folders.h"
#include "guest-init/request.h"
#include "guest-init/settings.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\nwww:x:33:34::/var/www:/bin/sh\n1000:x:0:0::/seven:\n"
                             "4294967296:x:0:0::/:\n"
                             "bad:x:many:0::/:\nshort:x\nlast:x:99:99:::";
static const char group[] = "root:x:0:\nstaff:x:50:www,other\nother:x:51:wwww\nadm:x:4:root,www\nodd:x:x:www\n"
                            "1001:x:0:\n";

static int find(const char *spec, struct user *user)
{
    struct err err = {0};
    int r = user_find(spec, passwd, group, user, &err);
    assert_true((r < 0) == (err.text[0] != '\0'));
    return r;
}

static void assert_user(const char *spec, uid_t uid, gid_t gid, size_t groups, const char *home)
{
    struct user user;
    assert_int_equal(find(spec, &user), 0);
    assert_int_equal(user.uid, uid);
    assert_int_equal(user.gid, gid);
    assert_int_equal(user.group_count, groups);
    assert_string_equal(user.home, home);
}

static void test_users(void **state)
{
    (void)state;
    struct user user;
    assert_user("", 0, 0, 1, "/root");
    assert_user("www", 33, 34, 2, "/var/www");
    assert_user("33", 33, 34, 2, "/var/www");
    assert_user("www:staff", 33, 50, 0, "/var/www");
    assert_user("www:7", 33, 7, 0, "/var/www");
    assert_user("4321", 4321, 0, 0, "/");
    assert_user("1000", 1000, 0, 0, "/"); /* even if a user or group of the image has that name */
    assert_user("1000:1001:7", 1000, 1001, 1, "/");
    assert_user("33:1001", 33, 1001, 0, "/var/www");
    assert_user("last", 99, 99, 0, "/");
    assert_user("www:", 33, 34, 2, "/var/www"); /* as for Docker, an empty half is one that is not given */
    assert_user(":staff", 0, 50, 0, "/root");
    assert_user(":", 0, 0, 1, "/root");
    assert_user("www:7:10,4294967294,10", 33, 7, 3, "/var/www");
    assert_user("33:staff:5", 33, 50, 1, "/var/www");
    assert_user("0:0:0", 0, 0, 1, "/root");
    assert_user("www::5", 33, 34, 1, "/var/www");
    assert_int_equal(find("4:5:6,7", &user), 0);
    assert_int_equal(user.groups[0], 6);
    assert_int_equal(user.groups[1], 7);
    static const char *const bad[] = {"nobody",     "www:nogroup", "bad",       "short",           "4294967295",
                                      "4294967296", "-1",          ":nogroup",  "www:staff:",      "www:7:a",
                                      "www:7:5,",   "www:7:,5",    "www:7:5:6", "www:7:4294967295"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (find(bad[i], &user) != -1)
            fail_msg("%s was found", bad[i]);
}

static void test_users_without_files(void **state)
{
    (void)state;
    struct user user;
    struct err err = {0};
    assert_int_equal(user_find("", "", "", &user, &err), 0);
    assert_string_equal(user.home, "/root");
    assert_int_equal(user_find("5:6", "", "", &user, &err), 0);
    assert_int_equal(user.gid, 6);
}

static int parse(const uint32_t fields[6], const char *data, size_t len, struct request *r)
{
    static char *base[] = {"A=base", "B=base", NULL};
    cleanup_buf struct buf text = {0};
    struct proto_msg msg;
    proto_put(&text, PROTO_EXEC, fields, 6, data, len);
    assert_int_equal(proto_get(&text, &msg), 1);
    return request_parse(&msg, base, r);
}

static void test_request(void **state)
{
    (void)state;
    struct request r;
    const uint32_t fields[6] = {7, PROTO_EXEC_TTY, 24, 80, 2, 1};
    static const char data[] = "www\0/tmp\0ls\0\0A=mine";
    assert_int_equal(parse(fields, data, sizeof(data), &r), 0);
    assert_int_equal(r.session, 7);
    assert_true(r.command.tty);
    assert_string_equal(r.command.user, "www");
    assert_string_equal(r.command.directory, "/tmp");
    assert_string_equal(r.command.argv[0], "ls");
    assert_string_equal(r.command.argv[1], "");
    assert_null(r.command.argv[2]);
    assert_string_equal(r.command.env[0], "A=mine");
    assert_string_equal(r.command.env[1], "B=base");
    assert_null(r.command.env[2]);
    request_free(&r);
}

static void test_malformed_requests(void **state)
{
    (void)state;
    static const char data[] = "\0\0ls";
    static const struct {
        uint32_t argc, envc;
        size_t len;
    } bad[] = {{0, 0, 5},          {2, 0, 5}, {1, 1, 5}, {UINT32_MAX, 0, 5},
               {1, UINT32_MAX, 5}, {1, 0, 4}, {1, 0, 0}, {1, 0, 2}};
    struct request r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const uint32_t fields[6] = {1, 0, 0, 0, bad[i].argc, bad[i].envc};
        if (parse(fields, data, bad[i].len, &r) != -1)
            fail_msg("request %zu was accepted", i);
        request_free(&r);
    }
    struct proto_msg empty = {.type = PROTO_EXEC};
    char *base[] = {NULL};
    assert_int_equal(request_parse(&empty, base, &r), -1);
    request_free(&r);
}

/* Through a connection, with more in it than the message unless cut bytes of that are missing. */
static int receive(enum proto_type type, const uint32_t *time, size_t count, const char *data, size_t len, size_t cut,
                   struct settings *s)
{
    cleanup_buf struct buf text = {0};
    struct err err = {0};
    int ends[2];
    char next = '\0';
    proto_put(&text, type, time, count, data, len);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[0], text.data, text.len - cut), text.len - cut);
    assert_int_equal(cut ? 1 : write(ends[0], "n", 1), 1);
    close(ends[0]);
    int r = settings_receive(ends[1], s, &err);
    assert_int_equal(r, err.text[0] ? -1 : 0);
    if (r == 0) {
        assert_int_equal(read(ends[1], &next, 1), 1);
        assert_int_equal(next, 'n'); /* is still to be read */
    }
    close(ends[1]);
    return r;
}

static void test_settings(void **state)
{
    (void)state;
    static const uint32_t time[3] = {2, 1, 999999999};
    static const char data[] = "rootfs=erofs\0argument=ls\0variable=A=\xff=\0argument=\0arguments=x\0variable=\0user=\0"
                               "argument=-l";
    static const char *const wanted[3][4] = {
        {"rootfs=erofs", "arguments=x", "user="}, {"ls", "", "-l"}, {"A=\xff=", ""}};
    struct settings s;
    assert_int_equal(receive(PROTO_SETTINGS, time, 3, data, sizeof(data), 0, &s), 0);
    char **const got[3] = {s.list, s.command, s.environment};
    for (size_t i = 0; i < 3; i++) {
        size_t n = 0;
        for (; wanted[i][n]; n++)
            assert_string_equal(got[i][n], wanted[i][n]);
        assert_null(got[i][n]);
    }
    assert_true(s.time == ((INT64_C(1) << 32) + 2) * 1000000000 + 999999999);
    settings_free(&s);
}

static void test_malformed_settings(void **state)
{
    (void)state;
    static const char good[] = "argument=ls";
    static const uint32_t time[3] = {0}, late[3] = {0, 2, 0}, odd[3] = {0, 0, 1000000000};
    static const struct {
        enum proto_type type;
        const uint32_t *time;
        size_t fields, len, cut;
    } bad[] = {
        {PROTO_EXEC, time, 3, sizeof(good), 0},
        {PROTO_SETTINGS, late, 3, sizeof(good), 0},
        {PROTO_SETTINGS, odd, 3, sizeof(good), 0},
        {PROTO_SETTINGS, time, 3, sizeof(good) - 1, 0},
        {PROTO_SETTINGS, time, 3, 0, 0},
        {PROTO_SETTINGS, time, 2, 0, 0},
        {PROTO_SETTINGS, NULL, 0, 0, 0},
        {PROTO_SETTINGS, time, 3, sizeof(good), 1},
        {PROTO_SETTINGS, time, 3, sizeof(good), 26},
    };
    struct settings s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (receive(bad[i].type, bad[i].time, bad[i].fields, good, bad[i].len, bad[i].cut, &s) != -1)
            fail_msg("settings %zu were accepted", i);
        settings_free(&s);
    }
    assert_int_equal(receive(PROTO_SETTINGS, time, 3, "user=x", 7, 0, &s), -1); /* no command */
    settings_free(&s);

    int ends[2];
    struct err err = {0};
    static const uint8_t huge[PROTO_HEADER] = {0xff, 0xff, 0xff, 0xff, PROTO_SETTINGS};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[0], huge, sizeof(huge)), sizeof(huge));
    assert_int_equal(settings_receive(ends[1], &s, &err), -1); /* and at once: nothing more need come */
    settings_free(&s);
    close(ends[0]);
    close(ends[1]);
}

static void test_clock(void **state)
{
    (void)state;
    enum { MS = 1000000 };
    static const struct {
        int64_t offset, error;
        bool disciplined;
        enum clock_step step;
    } rows[] = {
        {0, MS, false, CLOCK_LEAVE},
        {2 * MS, 3 * MS, false, CLOCK_LEAVE}, /* not known well enough */
        {-2 * MS, 3 * MS, false, CLOCK_LEAVE},
        {MS / 2, 1000, false, CLOCK_LEAVE},
        {3 * MS, MS, false, CLOCK_SLEW},
        {-3 * MS, MS, false, CLOCK_SLEW},
        {21 * MS, MS, false, CLOCK_SET}, /* long before 50 ms */
        {-21 * MS, 15 * MS, false, CLOCK_SET},
        {INT64_C(172800000) * MS, 20 * MS, false, CLOCK_SET},
        {INT64_C(-172800000) * MS, 20 * MS, false, CLOCK_SET},
        {INT64_C(172800000) * MS, 20 * MS, true, CLOCK_LEAVE}, /* an NTP client's */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (clock_decide(rows[i].offset, rows[i].error, rows[i].disciplined) != rows[i].step)
            fail_msg("row %zu", i);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void test_folders(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_guest.XXXXXX", path[PATH_MAX], command[64];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(symlink("not/yet", "dangling"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(mkdir("c", 0755), 0);
    assert_int_equal(symlink("../new/./there", "c/up"), 0);
    assert_int_equal(symlink("c/up", "chain"), 0);
    snprintf(path, sizeof(path), "%s/absolute/one", dir);
    assert_int_equal(symlink(path, "absolute-link"), 0);
    fclose(fopen("file", "w"));
    static const struct {
        const char *path, *made;
        int error;
    } rows[] = {
        {"a/b/c", "a/b/c", 0},
        {"a//b/d/", "a/b/d", 0},
        {"dangling/x", "not/yet/x", 0},
        {"absolute-link", "absolute/one", 0},
        {"dangling/x/y", "not/yet/x/y", 0}, /* which is none any more */
        {"chain/x", "new/there/x", 0},
        {"loop/x", NULL, ELOOP},
        {"file/x", NULL, ENOTDIR},
        {"file", NULL, ENOTDIR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, rows[i].path);
        errno = 0;
        assert_int_equal(folders_make(path, 0755), rows[i].error ? -1 : 0);
        if (rows[i].error)
            assert_int_equal(errno, rows[i].error);
        else
            assert_true(is_folder(rows[i].made));
    }
    snprintf(path, sizeof(path), "%s/mode/last", dir);
    struct stat st;
    assert_int_equal(folders_make(path, 0700), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(folders_depth("/"), 0);
    assert_int_equal(folders_depth("//a//b/"), 2);
    assert_int_equal(folders_depth("/etc/app/certs"), 3);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(chdir("/") || system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),    cmocka_unit_test(test_folders),
        cmocka_unit_test(test_users),    cmocka_unit_test(test_users_without_files),
        cmocka_unit_test(test_request),  cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_settings), cmocka_unit_test(test_malformed_settings),
    };
    return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
