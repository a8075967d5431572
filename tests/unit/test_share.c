/* The share's server in parts: which messages libfuse may see, numbers that a guest makes up, nodes and handles under
 * threads, modes that a guest may not leave behind. */
#include "common/cleanup.h"
#include "share/check.h"
#include "share/handles.h"
#include "share/modes.h"
#include "share/nodes.h"
#include "share/slots.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static _Alignas(8) char message[CHECK_MESSAGE_MAX + 16];

/* A message of that operation: a structure (NULL: zeros), then a tail. */
static size_t build(uint32_t opcode, const void *structure, size_t size, const void *tail, size_t len)
{
    struct fuse_in_header head = {.len = (uint32_t)(sizeof(head) + size + len), .opcode = opcode, .nodeid = 1};
    memcpy(message, &head, sizeof(head));
    memset(message + sizeof(head), 0, size);
    if (structure)
        memcpy(message + sizeof(head), structure, size);
    if (len)
        memcpy(message + sizeof(head) + size, tail, len);
    return head.len;
}

static int judge(uint32_t opcode, const void *structure, size_t size, const void *tail, size_t len)
{
    return check_message(message, build(opcode, structure, size, tail, len), false, false);
}
#define TEXT(text) text, sizeof(text) /* with its NUL */

static void test_names(void **state)
{
    (void)state;
    char longest[PATH_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    longest[PATH_MAX - 1] = '\0';
    assert_int_equal(judge(FUSE_LOOKUP, NULL, 0, TEXT("a")), CHECK_PASS);
    assert_int_equal(judge(FUSE_LOOKUP, NULL, 0, TEXT("\xff\n...")), CHECK_PASS);
    assert_int_equal(judge(FUSE_LOOKUP, NULL, 0, longest, PATH_MAX), CHECK_PASS);
    longest[PATH_MAX - 1] = 'x';
    longest[PATH_MAX] = '\0';
    assert_int_equal(judge(FUSE_LOOKUP, NULL, 0, longest, PATH_MAX + 1), EINVAL);
    static const struct {
        const char *name;
        size_t len;
    } wrong[] = {{TEXT("")},  {"a", 1},       {"", 0},        {TEXT(".")},   {TEXT("..")}, {TEXT("a/b")},
                 {TEXT("/")}, {TEXT("../x")}, {TEXT("a\0b")}, {TEXT("a\0")}, {TEXT("\0a")}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_int_equal(judge(FUSE_LOOKUP, NULL, 0, wrong[i].name, wrong[i].len), EINVAL);
        assert_int_equal(judge(FUSE_MKDIR, NULL, sizeof(struct fuse_mkdir_in), wrong[i].name, wrong[i].len), EINVAL);
    }
    assert_int_equal(judge(FUSE_RENAME2, NULL, sizeof(struct fuse_rename2_in), TEXT("a\0b")), CHECK_PASS);
    assert_int_equal(judge(FUSE_RENAME2, NULL, sizeof(struct fuse_rename2_in), TEXT("a")), EINVAL);
    assert_int_equal(judge(FUSE_RENAME2, NULL, sizeof(struct fuse_rename2_in), TEXT("a\0..")), EINVAL);
    assert_int_equal(judge(FUSE_RENAME2, NULL, sizeof(struct fuse_rename2_in), TEXT("a\0b\0c")), EINVAL);
    assert_int_equal(judge(FUSE_TMPFILE, NULL, sizeof(struct fuse_create_in), TEXT(CHECK_UNNAMED)), CHECK_PASS);
    assert_int_equal(judge(FUSE_TMPFILE, NULL, sizeof(struct fuse_create_in), TEXT("a")), EINVAL);
    assert_int_equal(judge(FUSE_TMPFILE, NULL, sizeof(struct fuse_create_in), TEXT("/\0")), EINVAL);
    assert_int_equal(judge(FUSE_CREATE, NULL, sizeof(struct fuse_create_in), TEXT(CHECK_UNNAMED)), EINVAL);
    assert_int_equal(judge(FUSE_SYMLINK, NULL, 0, TEXT("a\0../../x")), CHECK_PASS);
    assert_int_equal(judge(FUSE_SYMLINK, NULL, 0, TEXT("../a\0b")), EINVAL);
    assert_int_equal(judge(FUSE_SYMLINK, NULL, 0, TEXT("a\0")), EINVAL);
}

static void test_sizes(void **state)
{
    (void)state;
    struct fuse_write_in wr = {.size = 3};
    assert_int_equal(judge(FUSE_WRITE, &wr, sizeof(wr), "abc", 3), CHECK_PASS);
    wr.size = 900000; /* which wrote the server's heap into the file */
    assert_int_equal(judge(FUSE_WRITE, &wr, sizeof(wr), "abc", 3), EINVAL);
    wr.size = 2;
    assert_int_equal(judge(FUSE_WRITE, &wr, sizeof(wr), "abc", 3), EINVAL);
    struct fuse_batch_forget_in batch = {.count = 2};
    struct fuse_forget_one ones[2] = {{1, 1}, {2, 1}};
    assert_int_equal(judge(FUSE_BATCH_FORGET, &batch, sizeof(batch), ones, sizeof(ones)), CHECK_PASS);
    batch.count = 1U << 31; /* which crashed it */
    assert_int_equal(judge(FUSE_BATCH_FORGET, &batch, sizeof(batch), ones, sizeof(ones)), CHECK_SILENT);
    batch.count = 2 + (1U << 28); /* times 16 it is the same in 32 bits */
    assert_int_equal(judge(FUSE_BATCH_FORGET, &batch, sizeof(batch), ones, sizeof(ones)), CHECK_SILENT);
    struct fuse_read_in rd = {.size = CHECK_DATA_MAX};
    assert_int_equal(judge(FUSE_READ, &rd, sizeof(rd), NULL, 0), CHECK_PASS);
    rd.size++;
    assert_int_equal(judge(FUSE_READ, &rd, sizeof(rd), NULL, 0), EINVAL);
    assert_int_equal(judge(FUSE_READDIRPLUS, &rd, sizeof(rd), NULL, 0), EINVAL);
    rd.size = 1;
    assert_int_equal(judge(FUSE_READ, &rd, sizeof(rd) - 1, NULL, 0), EINVAL);
    assert_int_equal(judge(FUSE_READ, &rd, sizeof(rd), "", 1), EINVAL);
    struct fuse_setxattr_in set = {.size = 4};
    assert_int_equal(judge(FUSE_SETXATTR, &set, FUSE_COMPAT_SETXATTR_IN_SIZE, "user.x\0abcd", 11), CHECK_PASS);
    assert_int_equal(judge(FUSE_SETXATTR, &set, FUSE_COMPAT_SETXATTR_IN_SIZE, "user.x\0abc", 10), EINVAL);
    set.size = UINT32_MAX;
    assert_int_equal(judge(FUSE_SETXATTR, &set, FUSE_COMPAT_SETXATTR_IN_SIZE, "user.x\0abcd", 11), EINVAL);
}

static void test_operations(void **state)
{
    (void)state;
    static const uint32_t unknown[] = {FUSE_GETLK, FUSE_SETLK,  FUSE_SETLKW,  FUSE_IOCTL,        FUSE_POLL,
                                       FUSE_BMAP,  FUSE_ACCESS, FUSE_DESTROY, FUSE_NOTIFY_REPLY, FUSE_SYNCFS,
                                       0,          7,           4096,         UINT32_MAX};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
        assert_int_equal(judge(unknown[i], NULL, 0, NULL, 0), ENOSYS);
    assert_int_equal(judge(FUSE_INTERRUPT, NULL, 0, NULL, 0), CHECK_SILENT);
    struct fuse_init_in init = {.major = 7, .minor = 38};
    assert_int_equal(judge(FUSE_INIT, &init, sizeof(init), NULL, 0), CHECK_BROKEN); /* not the first */
    assert_int_equal(check_message(message, build(FUSE_STATFS, NULL, 0, NULL, 0), true, false), CHECK_BROKEN);
    assert_int_equal(check_message(message, build(FUSE_INIT, &init, sizeof(init), NULL, 0), true, false), CHECK_PASS);
    assert_int_equal(check_message(message, build(FUSE_INIT, &init, 16, NULL, 0), true, false), CHECK_PASS);
    init.flags = FUSE_INIT_EXT;
    assert_int_equal(check_message(message, build(FUSE_INIT, &init, 16, NULL, 0), true, false), CHECK_BROKEN);
    init.major = 8;
    assert_int_equal(check_message(message, build(FUSE_INIT, &init, sizeof(init), NULL, 0), true, false), CHECK_BROKEN);
    size_t len = build(FUSE_STATFS, NULL, 0, NULL, 0);
    assert_int_equal(check_message(message, len - 1, false, false), CHECK_BROKEN);
    assert_int_equal(check_message(message, len + 1, false, false), CHECK_BROKEN);
}

static void test_readonly(void **state)
{
    (void)state;
    struct fuse_open_in in = {.flags = O_RDONLY};
    assert_int_equal(check_message(message, build(FUSE_OPEN, &in, sizeof(in), NULL, 0), false, true), CHECK_PASS);
    static const uint32_t writes[] = {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, 3};
    for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
        in.flags = writes[i];
        assert_int_equal(check_message(message, build(FUSE_OPEN, &in, sizeof(in), NULL, 0), false, true), EROFS);
    }
    assert_int_equal(check_message(message, build(FUSE_UNLINK, NULL, 0, TEXT("a")), false, true), EROFS);
    assert_int_equal(
        check_message(message, build(FUSE_SETATTR, NULL, sizeof(struct fuse_setattr_in), NULL, 0), false, true), EROFS);
}

static void test_slots(void **state)
{
    (void)state;
    struct slots s = SLOTS(3, 0);
    int things[4];
    assert_int_equal(slots_add(&s, &things[0]), 1);
    uint64_t second = slots_add(&s, &things[1]);
    assert_true(slots_add(&s, &things[2]) != 0);
    assert_int_equal(slots_add(&s, &things[3]), 0);
    assert_int_equal(errno, ENFILE);
    slots_remove(&s, second);
    assert_null(slots_find(&s, second));
    slots_remove(&s, second); /* twice does nothing */
    uint64_t again = slots_add(&s, &things[3]);
    assert_true(again != second && again != 0);
    assert_ptr_equal(slots_find(&s, again), &things[3]);
    assert_null(slots_find(&s, second));
    assert_int_equal(slots_add(&s, &things[1]), 0);
    static const uint64_t made_up[] = {0, 4, 5, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 32, 1 | UINT64_C(1) << 32};
    for (size_t i = 0; i < sizeof(made_up) / sizeof(*made_up); i++)
        assert_null(slots_find(&s, made_up[i]));
    slots_free(&s);
}

static uint64_t enter(struct nodes *n, const char *path)
{
    struct statx st;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st), 0);
    return nodes_enter(n, fd, &st);
}

/* The next server's numbers are none of those that the guest has from the one before. */
static void test_eras(void **state)
{
    (void)state;
    int thing;
    struct slots first = SLOTS(SLOTS_LIMIT, 0), second = SLOTS(SLOTS_LIMIT, 1), last = SLOTS(3, SLOTS_ERAS - 1);
    uint64_t before = slots_add(&first, &thing), after = slots_add(&second, &thing), late = slots_add(&last, &thing);
    assert_true(before != after && after != late && late != before);
    assert_null(slots_find(&second, before));
    assert_null(slots_find(&last, after));
    assert_ptr_equal(slots_find(&second, after), &thing);
    assert_ptr_equal(slots_find(&last, late), &thing);
    slots_remove(&second, before);
    assert_ptr_equal(slots_find(&second, after), &thing);
    slots_remove(&last, late);
    assert_null(slots_find(&last, late));
    assert_ptr_equal(slots_find(&last, slots_add(&last, &thing)), &thing);
    slots_free(&first);
    slots_free(&second);
    slots_free(&last);
    struct nodes *n = nodes_new(open("/", O_PATH | O_CLOEXEC), 3, 7);
    struct node *root = nodes_use(n, 1); /* FUSE_ROOT_ID */
    assert_non_null(root);
    assert_int_equal(root->id, 1);
    node_done(root);
    assert_int_equal(enter(n, "/"), 1);
    nodes_forget(n, 1, 1);
    assert_true(enter(n, "/etc/passwd") > UINT64_C(7) << 20);
    assert_int_equal(nodes_count(n), 2);
    nodes_free(n);
}

static void test_nodes(void **state)
{
    (void)state;
    struct nodes *n = nodes_new(open("/", O_PATH | O_CLOEXEC), 3, 0);
    assert_non_null(n);
    uint64_t a = enter(n, "/etc/passwd");
    assert_true(a > 1);
    assert_int_equal(enter(n, "/etc/passwd"), a); /* one file is one node */
    assert_int_equal(nodes_count(n), 2);
    assert_int_equal(enter(n, "/"), 1);
    uint64_t b = enter(n, "/etc/group");
    assert_true(b != 0 && b != a);
    assert_int_equal(enter(n, "/etc/hosts"), 0);
    assert_int_equal(errno, ENFILE);
    nodes_forget(n, a, 1);
    struct node *used = nodes_use(n, a);
    assert_non_null(used);
    nodes_forget(n, a, UINT64_MAX); /* more than there were; it is in use */
    assert_int_equal(nodes_count(n), 3);
    node_done(used);
    assert_int_equal(nodes_count(n), 2);
    assert_null(nodes_use(n, a));
    assert_int_equal(errno, ESTALE);
    nodes_forget(n, a, 1);
    nodes_forget(n, 1, UINT64_MAX); /* the root stays */
    used = nodes_use(n, 1);
    assert_non_null(used);
    node_done(used);
    nodes_free(n);
}

enum { ROUNDS = 3000 };
static void *churn(void *arg)
{
    struct nodes *n = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/%s", i % 2 ? "meminfo" : "stat");
        uint64_t id = enter(n, path);
        struct node *node = nodes_use(n, id);
        if (node)
            node_done(node);
        nodes_forget(n, id, 1);
    }
    return NULL;
}

static void test_nodes_by_threads(void **state)
{
    (void)state;
    struct nodes *n = nodes_new(open("/", O_PATH | O_CLOEXEC), 100, 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, n), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(nodes_count(n), 1);
    nodes_free(n);
}

static void test_handles(void **state)
{
    (void)state;
    struct handles *h = handles_new(1, 0);
    uint64_t id = handles_add(h, open("/", O_RDONLY | O_CLOEXEC), true);
    assert_true(id != 0);
    assert_int_equal(handles_add(h, open("/", O_RDONLY | O_CLOEXEC), true), 0);
    assert_null(handles_use(h, id, false)); /* a folder is not a file */
    handles_close(h, id, false);
    struct handle *used = handles_use(h, id, true);
    assert_non_null(used);
    handles_close(h, id, true);
    assert_true(fcntl(used->fd, F_GETFD) >= 0); /* still in use */
    assert_null(handles_use(h, id, true));
    handle_done(used);
    handles_close(h, id, true);
    handles_free(h);
}

static void test_modes(void **state)
{
    (void)state;
    assert_true(mode_gives_rights(S_IFREG | 04644));
    assert_true(mode_gives_rights(S_IFREG | 02755));
    assert_false(mode_gives_rights(S_IFREG | 02745)); /* without x, it is mandatory locking */
    assert_false(mode_gives_rights(S_IFREG | 0755));
    assert_false(mode_gives_rights(S_IFDIR | 06755));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),      cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_operations), cmocka_unit_test(test_readonly),
                                       cmocka_unit_test(test_slots),      cmocka_unit_test(test_eras),
                                       cmocka_unit_test(test_nodes),      cmocka_unit_test(test_nodes_by_threads),
                                       cmocka_unit_test(test_handles),    cmocka_unit_test(test_modes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
