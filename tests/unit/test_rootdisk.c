/* The root disk's parts by themselves: the tree, the attributes, places and bytes.  Whether others read
 * the result the same way is for tests/oracle. */
#include "common/io.h"
#include "rootdisk/encode.h"
#include "rootdisk/erofs.h"
#include "rootdisk/layout.h"
#include "rootdisk/rootdisk.h"
#include "rootdisk/tree.h"
#include "rootdisk/xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

/* --- trees made by hand ------------------------------------------------------------------------- */

static uint32_t add_directory(struct tree *t, uint32_t parent)
{
    struct node n = {.mode = S_IFDIR | 0755, .parent = parent, .nlink = 2, .first = t->entry_count};
    uint32_t node = tree_add_node(t, &n);
    tree_add_entry(t, ".", node);
    tree_add_entry(t, "..", parent);
    return node;
}

/* Entries of a directory must all be added before another's. */
static uint32_t add_node(struct tree *t, uint32_t parent, const char *name, struct node n)
{
    n.parent = parent;
    n.nlink = 1;
    uint32_t entry = tree_add_entry(t, name, TREE_NONE);
    n.name = t->entries[entry].name;
    uint32_t node = tree_add_node(t, &n);
    t->entries[entry].node = node;
    return node;
}

static void end_directory(struct tree *t, uint32_t dir)
{
    t->nodes[dir].count = t->entry_count - t->nodes[dir].first;
    tree_sort(t, t->nodes[dir].first);
}

static uint32_t add_symlink(struct tree *t, uint32_t dir, const char *name, uint32_t len)
{
    static char target[8192];
    memset(target, 't', sizeof(target));
    uint32_t blob = tree_add_blob(t, target, len);
    return add_node(t, dir, name, (struct node){.mode = S_IFLNK | 0777, .size = len, .blob = blob});
}

/* --- tree --------------------------------------------------------------------------------------- */

static void names_sort_as_unsigned_bytes(void **state)
{
    (void)state;
    struct tree t = {0};
    static const char *const names[] = {"b", "\xff", "-", "ab", "a", "..x", "\n", "A", ".a", "a\xc3"};
    static const char *const sorted[] = {"\n", "-", ".", "..", "..x", ".a", "A", "a", "ab", "a\xc3", "b", "\xff"};
    uint32_t root = add_directory(&t, 0);
    for (size_t i = 0; i < 10; i++)
        add_node(&t, root, names[i], (struct node){.mode = S_IFIFO});
    end_directory(&t, root);
    for (uint32_t i = 0; i < 12; i++)
        assert_string_equal(tree_name(&t, t.entries[i].name), sorted[i]);
    tree_free(&t);
}

static void long_paths_are_cut_in_front(void **state)
{
    (void)state;
    struct tree t = {0};
    uint32_t dir = add_directory(&t, 0), deep = dir;
    char out[40];
    tree_path(&t, dir, out, sizeof(out));
    assert_string_equal(out, "/");
    for (int i = 0; i < 10; i++)
        deep = add_node(&t, deep, "directory", (struct node){.mode = S_IFDIR});
    tree_path(&t, t.nodes[t.nodes[deep].parent].parent, out, sizeof(out));
    assert_string_equal(out, ".../directory/directory/directory");
    tree_path(&t, 2, out, sizeof(out));
    assert_string_equal(out, "/directory/directory");
    tree_free(&t);
}

/* --- attributes --------------------------------------------------------------------------------- */

static void attributes_get_the_formats_indexes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *rest;
        int index; /* 0: left out */
    } cases[] = {{"user.a", "a", 1},
                 {"system.posix_acl_access", "", 2},
                 {"system.posix_acl_default", "", 3},
                 {"trusted.b.c", "b.c", 4},
                 {"security.capability", "capability", 6},
                 {"security.selinux", "", 0},
                 {"trusted.overlay.opaque", "", 0},
                 {"user.overlay.origin", "", 0},
                 {"user.overlaye", "overlaye", 1},
                 {"system.nfs4_acl", "", 0},
                 {"btrfs.compression", "", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf b = {0};
        struct err err = {0};
        assert_int_equal(xattr_encode(&b, cases[i].name, "value", 5, &err), cases[i].index != 0);
        if (cases[i].index) {
            size_t len = strlen(cases[i].rest);
            assert_int_equal(b.len % 4, 0);
            assert_int_equal(b.len, (4 + len + 5 + 3) / 4 * 4);
            assert_int_equal((uint8_t)b.data[0], len);
            assert_int_equal(b.data[1], cases[i].index);
            assert_memory_equal(b.data + 2, "\5\0", 2);
            assert_memory_equal(b.data + 4, cases[i].rest, len);
            assert_memory_equal(b.data + 4 + len, "value", 5);
        } else {
            assert_int_equal(b.len, 0);
        }
        buf_free(&b);
    }
}

/* Filesystems list attributes in orders of their own (ext4: as they were set); the image must not care. */
static void attributes_are_read_in_one_order(void **state)
{
    (void)state;
    struct buf b[2] = {{0}, {0}};
    struct err err = {0};
    static const char *const names[2][3] = {{"user.a", "user.b", "user.c"}, {"user.c", "user.a", "user.b"}};
    for (int f = 0; f < 2; f++) {
        close(open("image", O_WRONLY | O_CREAT, 0644));
        for (int i = 0; i < 3; i++)
            if (setxattr("image", names[f][i], names[f][i], 6, 0) < 0)
                skip(); /* no attributes on this /tmp */
        assert_int_equal(xattr_read(&b[f], "image", &err), 0);
        unlink("image");
    }
    assert_int_equal(b[0].len, 3 * 12);
    assert_int_equal(b[0].len, b[1].len);
    assert_memory_equal(b[0].data, b[1].data, b[0].len);
    buf_free(&b[0]);
    buf_free(&b[1]);
}

static void an_attribute_too_large_is_refused(void **state)
{
    (void)state;
    static char value[65536];
    struct buf b = {0};
    struct err err = {0};
    assert_int_equal(xattr_encode(&b, "user.a", value, 65535, &err), 1);
    assert_int_equal(xattr_encode(&b, "user.a", value, 65536, &err), -1);
    assert_non_null(strstr(err.text, "user.a of 65536 bytes"));
    buf_free(&b);
}

/* --- places ------------------------------------------------------------------------------------- */

static void directory_blocks_fill_to_the_byte(void **state)
{
    (void)state;
    struct tree t = {0};
    char name[256];
    memset(name, 'n', 255);
    name[244] = '\0'; /* with its dirent 256 bytes: 16 to a block */
    for (int i = 0; i < 17; i++)
        tree_add_entry(&t, name, 0);
    uint32_t bytes;
    assert_int_equal(layout_directory_block(&t, 0, 17, &bytes), 16);
    assert_int_equal(bytes, 4096);
    assert_int_equal(layout_directory_block(&t, 16, 17, &bytes), 17);
    assert_int_equal(bytes, 256);
    tree_free(&t);
}

/* A symlink is inlined while its inode fits one block with it, and nothing then crosses a block. */
static void symlinks_are_inlined_where_they_fit(void **state)
{
    (void)state;
    struct tree t = {0};
    struct err err = {0};
    static const uint32_t lengths[] = {1, 4031, 4032, 4033, 4095, 100, 4000};
    uint32_t root = add_directory(&t, 0);
    for (uint32_t i = 0; i < 7; i++)
        add_symlink(&t, root, (char[]){(char)('a' + i), 0}, lengths[i]);
    end_directory(&t, root);
    struct layout l;
    assert_int_equal(layout_tree(&l, &t, &err), 0);
    for (uint32_t i = 1; i < t.node_count; i++) {
        const struct node *n = &t.nodes[i];
        bool fits = n->size <= 4032;
        assert_int_equal(!!(n->flags & NODE_INLINE), fits);
        uint64_t at = (uint64_t)n->nid * 32, end = at + 64 + (fits ? n->size : 0);
        assert_int_equal(at / 4096, (end - 1) / 4096);
        if (!fits)
            assert_true(n->block > 0 && n->block < l.meta_blocks);
    }
    layout_free(&l);
    tree_free(&t);
}

static void addresses_past_32_bits_are_refused(void **state)
{
    (void)state;
    struct tree t = {0};
    uint32_t root = add_directory(&t, 0);
    add_node(&t, root, "most", (struct node){.mode = S_IFREG, .size = (uint64_t)0xfffffffc * 4096});
    add_node(&t, root, "more", (struct node){.mode = S_IFREG, .size = 4096});
    end_directory(&t, root);
    struct layout l;
    struct err err = {0};
    assert_int_equal(layout_tree(&l, &t, &err), 0);
    assert_int_equal(l.blocks, 0xfffffffe);
    layout_free(&l);
    t.nodes[2].size++;
    assert_int_equal(layout_tree(&l, &t, &err), -1);
    assert_non_null(strstr(err.text, "/more of 4097 bytes"));
    layout_free(&l);
    t.nodes[2].size = UINT64_MAX;
    err.text[0] = '\0';
    assert_int_equal(layout_tree(&l, &t, &err), -1);
    layout_free(&l);
    tree_free(&t);
}

/* --- bytes -------------------------------------------------------------------------------------- */

static void crc32c_is_castagnolis(void **state)
{
    (void)state;
    assert_int_equal(~encode_crc32c(~0u, "123456789", 9), 0xe3069283); /* RFC 3720's check value */
}

/* The smallest tree, byte by byte where erofs_fs.h says. */
static void an_image_has_its_bytes_where_the_format_says(void **state)
{
    (void)state;
    struct tree t = {0};
    struct err err = {0};
    uint32_t root = add_directory(&t, 0);
    add_node(&t, root, "-dev", (struct node){.mode = S_IFCHR | 0600, .rdev = 0x12345678, .mtime = -1, .mtime_ns = 7});
    add_node(&t, root, "file",
             (struct node){.mode = S_IFREG | 0644, .size = 5000, .uid = 0x11223344, .gid = 0x55667788});
    end_directory(&t, root);
    struct layout l;
    assert_int_equal(layout_tree(&l, &t, &err), 0);
    uint8_t *image = encode_metadata(&t, &l);
    assert_int_equal(l.meta_blocks, 1);
    assert_int_equal(l.blocks, 3);
    assert_memory_equal(image + 1024, "\xe2\xe1\xf5\xe0", 4);
    assert_memory_equal(image + 1024 + 8, "\3\0\0\0\x0c\0\x24\0\3\0\0\0", 12); /* features, 4 KiB, root 36, 3 inodes */
    assert_memory_equal(image + 1024 + 36, "\3\0\0\0", 4);                     /* blocks */

    const uint8_t *dir = image + 36 * 32;
    assert_memory_equal(dir, "\5\0\0\0\xed\x41\0\0", 8);                    /* extended, inline; mode */
    assert_memory_equal(dir + 8, "\x3b\0\0\0", 4);                          /* 4 * 12 + 11 bytes */
    assert_memory_equal(dir + 64, "\x28\0\0\0\0\0\0\0\x30\0\3\0", 12);      /* "-dev": nid 40, name at 48 */
    assert_memory_equal(dir + 64 + 12, "\x24\0\0\0\0\0\0\0\x34\0\2\0", 12); /* "." */
    assert_memory_equal(dir + 64 + 48, "-dev...file", 11);

    const uint8_t *chr = image + t.nodes[1].nid * 32, *file = image + t.nodes[2].nid * 32;
    assert_memory_equal(chr, "\1\0\0\0\x80\x21", 6);
    assert_memory_equal(chr + 16, "\x78\x56\x34\x12", 4);
    assert_memory_equal(chr + 32, "\xff\xff\xff\xff\xff\xff\xff\xff\7\0\0\0\1\0\0\0", 16);
    assert_memory_equal(file, "\1\0\0\0\xa4\x81\0\0\x88\x13\0\0\0\0\0\0\1\0\0\0\3\0\0\0", 24);
    assert_memory_equal(file + 24, "\x44\x33\x22\x11\x88\x77\x66\x55", 8);
    free(image);
    layout_free(&l);
    tree_free(&t);
}

/* --- reading and writing ------------------------------------------------------------------------ */

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/test_rootdisk.XXXXXX");
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink("tree/file");
    rmdir("tree");
    unlink("image");
    return chdir("/") == 0 ? rmdir(directory) : -1;
}

static struct rootdisk *scan_one_file(void)
{
    struct rootdisk *rd;
    struct err err = {0};
    mkdir("tree", 0755);
    int fd = open("tree/file", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_int_equal(write(fd, "content", 7), 7);
    close(fd);
    assert_int_equal(rootdisk_scan(&rd, AT_FDCWD, "tree", false, &err), 0);
    assert_int_equal(rootdisk_inodes(rd), 2);
    assert_int_equal(rootdisk_size(rd), 8192);
    return rd;
}

static void reads_end_at_the_end_and_pad_with_zeros(void **state)
{
    (void)state;
    struct rootdisk *rd = scan_one_file();
    char all[9000], part[9000];
    memset(all, 'x', sizeof(all));
    assert_int_equal(rootdisk_read(rd, all, sizeof(all), 0), 8192);
    assert_memory_equal(all + 4096, "content\0\0", 9);
    for (int i = 4103; i < 8192; i++)
        assert_int_equal(all[i], 0);
    assert_int_equal(rootdisk_read(rd, part, 1, 8192), 0);
    assert_int_equal(rootdisk_read(rd, part, 10, UINT64_MAX - 3), 0);
    for (size_t at = 0; at < 8192; at += 511) {
        ssize_t n = rootdisk_read(rd, part, 700, at);
        assert_int_equal(n, at + 700 > 8192 ? 8192 - at : 700);
        assert_memory_equal(part, all + at, n);
    }
    rootdisk_free(rd);
}

static void a_changed_file_is_an_error_and_the_rest_is_not(void **state)
{
    (void)state;
    struct rootdisk *rd = scan_one_file();
    char buf[8192];
    assert_int_equal(truncate("tree/file", 3), 0);
    assert_int_equal(rootdisk_read(rd, buf, sizeof(buf), 0), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(rootdisk_read(rd, buf, 4096, 0), 4096);
    struct err err = {0};
    int fd = open("image", O_RDWR | O_CREAT, 0644);
    assert_int_equal(rootdisk_write(rd, fd, &err), -1);
    assert_string_equal(err.text, "/file changed while the image was being written");
    close(fd);
    rootdisk_free(rd);
}

static void writing_replaces_what_was_there(void **state)
{
    (void)state;
    struct rootdisk *rd = scan_one_file();
    struct err err = {0};
    char expected[8192], got[20000];
    assert_int_equal(rootdisk_read(rd, expected, sizeof(expected), 0), 8192);
    int fd = open("image", O_RDWR | O_CREAT, 0644);
    memset(got, 'x', sizeof(got));
    assert_int_equal(io_write_all(fd, got, sizeof(got)), 0);
    assert_int_equal(rootdisk_write(rd, fd, &err), 0);
    assert_int_equal(io_pread_full(fd, got, sizeof(got), 0), 8192);
    assert_memory_equal(got, expected, 8192);
    close(fd);
    fd = open("image", O_RDONLY);
    assert_int_equal(rootdisk_write(rd, fd, &err), -1);
    assert_non_null(strstr(err.text, "cannot write the image"));
    close(fd);
    rootdisk_free(rd);
}

static void what_is_no_directory_is_refused(void **state)
{
    (void)state;
    rootdisk_free(scan_one_file());
    struct rootdisk *rd;
    struct err err = {0}, missing = {0};
    assert_int_equal(rootdisk_scan(&rd, AT_FDCWD, "tree/file", false, &err), -1);
    assert_string_equal(err.text, "cannot open the directory tree/file: Not a directory");
    assert_int_equal(rootdisk_scan(&rd, AT_FDCWD, "none", false, &missing), -1);
    assert_string_equal(missing.text, "cannot open the directory none: No such file or directory");
    assert_null(rd);
    rootdisk_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_sort_as_unsigned_bytes),
        cmocka_unit_test(long_paths_are_cut_in_front),
        cmocka_unit_test(attributes_get_the_formats_indexes),
        cmocka_unit_test(attributes_are_read_in_one_order),
        cmocka_unit_test(an_attribute_too_large_is_refused),
        cmocka_unit_test(directory_blocks_fill_to_the_byte),
        cmocka_unit_test(symlinks_are_inlined_where_they_fit),
        cmocka_unit_test(addresses_past_32_bits_are_refused),
        cmocka_unit_test(crc32c_is_castagnolis),
        cmocka_unit_test(an_image_has_its_bytes_where_the_format_says),
        cmocka_unit_test(reads_end_at_the_end_and_pad_with_zeros),
        cmocka_unit_test(a_changed_file_is_an_error_and_the_rest_is_not),
        cmocka_unit_test(writing_replaces_what_was_there),
        cmocka_unit_test(what_is_no_directory_is_refused),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
