/* common/unpack.c against archives whose parts are larger, or more, than any honest one's. */
#include "common/log.h"
#include "common/tar.h"
#include "common/unpack.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG = 9000 };

static char folder[] = "/tmp/test_endless.XXXXXX";
static int dst = -1;

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) && (dst = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* One member, with text as its data, at to; its length. */
static size_t put(char *to, char type, const char *path, const char *text)
{
    struct tar_header h = {.type = type, .mode = "0000755", .uid = "0000000", .gid = "0000000", .magic = "ustar"};
    char number[32];
    size_t len = strlen(text), whole = (len + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    memcpy(h.name, path, strnlen(path, sizeof(h.name)));
    memcpy(h.mtime, "00000000001", 12);
    snprintf(number, sizeof(number), "%011zo", len);
    memcpy(h.size, number, sizeof(h.size));
    snprintf(number, sizeof(number), "%06o", tar_checksum(&h));
    memcpy(h.checksum, number, 7);
    memcpy(to, &h, sizeof(h));
    memset(to + sizeof(h), 0, whole);
    memcpy(to + sizeof(h), text, len);
    return sizeof(h) + whole;
}

/* What unpacking says of a stream that repeats the part until nobody reads. */
static int unpack_endless(const char *part, size_t len, struct err *err)
{
    const struct unpack_plan plan = {.member = ".", .name = "", .strange = true, .exact = true};
    int ends[2], status;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        close(ends[0]);
        while (write(ends[1], part, len) >= 0)
            ;
        _exit(1);
    }
    close(ends[1]);
    int rc = tar_unpack(ends[0], dst, &plan, err);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    return rc;
}

/* A directory's mode is set at the end, so that its name is remembered: not without end, even if it is always the same
 * directory, which takes nothing of the disk. */
static void test_directories(void **state)
{
    (void)state;
    static char path[TAR_PATH - 1], part[3 * TAR_PATH];
    struct err err = {0};
    memset(path, 'd', sizeof(path) - 1);
    for (size_t i = NAME_MAX; i < sizeof(path) - 1; i += NAME_MAX + 1)
        path[i] = '/';
    size_t len = put(part, 'L', "././@LongLink", path);
    len += put(part + len, '5', "short", "");
    assert_int_equal(unpack_endless(part, len, &err), -1);
    assert_non_null(strstr(err.text, "too many directories"));
}

static void refused(char type)
{
    static char name[LONG + 1], archive[LONG + 4 * TAR_BLOCK];
    struct err err = {0};
    memset(name, '/', LONG);
    name[0] = name[LONG - 1] = 'x';
    size_t len = put(archive, type, "././@LongLink", name);
    len += put(archive + len, type == 'L' ? '0' : '2', "short", "");
    assert_int_equal(unpack_endless(archive, len, &err), -1);
    assert_non_null(strstr(err.text, "the name is too long"));
}

/* A name that does not fit is refused: its beginning may be the name of another file. */
static void test_names(void **state)
{
    (void)state;
    refused('L');
    refused('K');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_directories), cmocka_unit_test(test_names)};
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("endless", tests, set_up, tear_down);
}
