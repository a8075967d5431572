/* ctl/where.c: the rules of docker cp, row by row of its manual ("docker container cp", Extended
 * description). */
#include "ctl/where.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOTHING = PROTO_COPY_NOTHING, FILE_ = PROTO_COPY_FILE, FOLDER = PROTO_COPY_FOLDER };

static const struct {
    const char *source;
    int source_kind;
    const char *target;
    int target_kind;
    const char *from, *member, *to, *name; /* from NULL: refused */
} rows[] = {
    /* a file */
    {"/a/f", FILE_, "/b/g", NOTHING, "/a", "f", "/b", "g"},
    {"/a/f", FILE_, "/b/g", FILE_, "/a", "f", "/b", "g"},
    {"/a/f", FILE_, "/b", FOLDER, "/a", "f", "/b", ""},
    {"/a/f", FILE_, "/b/", FOLDER, "/a", "f", "/b/", ""},
    {"/a/f", FILE_, "/b/g/", NOTHING, NULL, NULL, NULL, NULL},
    {"f", FILE_, "g", NOTHING, ".", "f", ".", "g"},
    {"/f", FILE_, "/g", NOTHING, "/", "f", "/", "g"},
    {"./-f", FILE_, ".", FOLDER, ".", "-f", ".", ""},
    /* a folder */
    {"/a/d", FOLDER, "/b/e", NOTHING, "/a/d", ".", "/b", "e"},
    {"/a/d", FOLDER, "/b/e/", NOTHING, "/a/d", ".", "/b", "e"},
    {"/a/d", FOLDER, "/b/e", FILE_, NULL, NULL, NULL, NULL},
    {"/a/d", FOLDER, "/b", FOLDER, "/a/d", ".", "/b", "d"},
    {"/a/d/", FOLDER, "/b", FOLDER, "/a/d/", ".", "/b", "d"},
    {"/a/d/.", FOLDER, "/b", FOLDER, "/a/d/.", ".", "/b", ""},
    {"/a/d/.", FOLDER, "/b/e", NOTHING, "/a/d/.", ".", "/b", "e"},
    {".", FOLDER, "/b", FOLDER, ".", ".", "/b", ""},
    {"/", FOLDER, "/b", FOLDER, "/", ".", "/b", ""},
    /* nothing */
    {"/a/x", NOTHING, "/b", FOLDER, NULL, NULL, NULL, NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct where w;
        struct err err = {0};
        int r = where_copy(rows[i].source, (enum proto_copy)rows[i].source_kind, rows[i].target,
                           (enum proto_copy)rows[i].target_kind, &w, &err);
        if ((r == 0) != (rows[i].from != NULL))
            fail_msg("%s to %s: %d, %s", rows[i].source, rows[i].target, r, err.text);
        if (rows[i].from && (strcmp(w.from, rows[i].from) != 0 || strcmp(w.member, rows[i].member) != 0 ||
                             strcmp(w.to, rows[i].to) != 0 || strcmp(w.name, rows[i].name) != 0))
            fail_msg("%s to %s: %s of %s to %s as '%s'", rows[i].source, rows[i].target, w.member, w.from, w.to,
                     w.name);
    }
}

static void test_long_paths(void **state)
{
    (void)state;
    struct where w;
    struct err err = {0};
    char path[5001], name[300];
    memset(path, '/', sizeof(path));
    for (size_t i = 1; i < sizeof(path); i += 2)
        path[i] = 'x';
    path[sizeof(path) - 1] = '\0';
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(where_copy(path, PROTO_COPY_FILE, "/b", PROTO_COPY_FOLDER, &w, &err), -1);
    assert_int_equal(where_copy(path, PROTO_COPY_FOLDER, "/b", PROTO_COPY_FOLDER, &w, &err), -1);
    assert_int_equal(where_copy("/a", PROTO_COPY_FILE, path, PROTO_COPY_FOLDER, &w, &err), -1);
    assert_int_equal(where_copy("/a", PROTO_COPY_FOLDER, path, PROTO_COPY_FOLDER, &w, &err), -1);
    assert_int_equal(where_copy("/a", PROTO_COPY_FILE, name, PROTO_COPY_NOTHING, &w, &err), -1);
    assert_int_equal(where_copy("/a", PROTO_COPY_FOLDER, name, PROTO_COPY_NOTHING, &w, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long_paths),
    };
    return cmocka_run_group_tests_name("where", tests, NULL, NULL);
}
