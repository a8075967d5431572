/* libFuzzer target: a tree of hostile names, sizes, attributes and links goes through layout and encode,
 * and a reader that knows nothing but the format walks the image and must find the tree again.
 *
 *   make build/fuzz/fuzz_rootdisk && build/fuzz/fuzz_rootdisk -max_total_time=30
 */
#include "rootdisk/encode.h"
#include "rootdisk/erofs.h"
#include "rootdisk/holes.h"
#include "rootdisk/layout.h"
#include "rootdisk/tree.h"
#include "rootdisk/xattr.h"
#include "tests/fuzz/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct input {
    const uint8_t *data;
    size_t left;
};

static uint64_t take(struct input *in, size_t bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0 && in->left > 0) {
        value = value << 8 | *in->data++;
        in->left--;
    }
    return value;
}

/* --- input -> tree ------------------------------------------------------------------------------ */

static void take_name(struct input *in, char *out)
{
    size_t len = 1 + take(in, 1) % 255;
    for (size_t i = 0; i < len; i++) {
        char c = (char)take(in, 1);
        out[i] = c == '\0' || c == '/' ? (char)('a' + i % 26) : c;
    }
    out[len] = '\0';
    if (strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
        out[0] = '_';
}

static bool has_name(const struct tree *t, uint32_t first, const char *name)
{
    for (uint32_t i = first; i < t->entry_count; i++)
        if (strcmp(tree_name(t, t->entries[i].name), name) == 0)
            return true;
    return false;
}

/* Attributes and a symlink's target, as scan leaves them. */
static void take_blob(struct input *in, struct tree *t, struct node *n)
{
    static char value[65536];
    struct buf b = {0};
    for (unsigned i = take(in, 1) % 4; i > 0; i--) {
        char name[300] = "user.", rest[256];
        take_name(in, rest);
        memcpy(name + 5, rest, 250);
        name[255] = '\0';
        CHECK(xattr_encode(&b, name, value, take(in, 2), NULL) >= 0);
    }
    n->xattrs = (uint32_t)b.len;
    if (S_ISREG(n->mode) && n->size > 0 && take(in, 1) % 4 == 0) {
        n->flags |= NODE_HOLES;
        for (uint32_t i = 0; i < holes_chunks(n->size); i += 8)
            value[i / 8] = (char)take(in, 1);
        buf_add(&b, value, (holes_chunks(n->size) + 7) / 8);
        memset(value, 0, 1024 / 8);
    }
    if (S_ISLNK(n->mode)) {
        n->size = 1 + take(in, 2) % (PATH_MAX - 1);
        memset(value, 't', n->size);
        buf_add(&b, value, n->size);
        memset(value, 0, n->size);
    }
    n->blob = tree_add_blob(t, b.data, b.len);
    buf_free(&b);
}

static uint32_t take_node(struct input *in, struct tree *t, uint32_t parent, uint32_t name)
{
    static const uint16_t types[] = {S_IFREG, S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK};
    struct node n = {.parent = parent, .name = name};
    n.mode = types[take(in, 1) % 8] | (take(in, 2) & 07777);
    n.mtime = (int64_t)take(in, 8);
    n.mtime_ns = (uint32_t)take(in, 4) % 1000000000;
    n.uid = (uint32_t)take(in, 4);
    n.nlink = S_ISDIR(n.mode) ? 2 : 1;
    if (S_ISREG(n.mode))
        n.size = take(in, 8) >> take(in, 1) % 64;
    if (S_ISCHR(n.mode) || S_ISBLK(n.mode))
        n.rdev = (uint32_t)take(in, 4);
    take_blob(in, t, &n);
    return tree_add_node(t, &n);
}

static void take_entry(struct input *in, struct tree *t, uint32_t dir)
{
    char name[256];
    take_name(in, name);
    if (has_name(t, t->nodes[dir].first, name))
        return;
    uint32_t entry = tree_add_entry(t, name, TREE_NONE), node = (uint32_t)take(in, 1);
    if (node % 4 == 0 && node / 4 < t->node_count && !S_ISDIR(t->nodes[node / 4].mode)) {
        t->entries[entry].node = node / 4;
        t->nodes[node / 4].nlink++;
        return;
    }
    t->entries[entry].node = take_node(in, t, dir, t->entries[entry].name);
    if (S_ISDIR(t->nodes[t->entries[entry].node].mode))
        t->nodes[dir].nlink++;
}

static void take_tree(struct input *in, struct tree *t)
{
    struct node root = {.mode = S_IFDIR | 0755, .nlink = 2};
    tree_add_node(t, &root);
    for (uint32_t dir = 0; dir < t->node_count; dir++) {
        if (!S_ISDIR(t->nodes[dir].mode))
            continue;
        t->nodes[dir].first = t->entry_count;
        tree_add_entry(t, ".", dir);
        tree_add_entry(t, "..", t->nodes[dir].parent);
        for (unsigned entries = take(in, 1); entries > 0 && in->left > 0; entries--)
            take_entry(in, t, dir);
        t->nodes[dir].count = t->entry_count - t->nodes[dir].first;
        tree_sort(t, t->nodes[dir].first);
    }
}

/* --- image -> tree ------------------------------------------------------------------------------ */

struct image {
    const uint8_t *meta;
    uint64_t bytes; /* of meta */
    const struct tree *t;
    const struct layout *l;
};

static struct erofs_inode inode_at(const struct image *im, uint64_t nid)
{
    struct erofs_inode inode;
    CHECK(nid * 32 + 64 <= im->bytes && nid * 32 % 4096 <= 4096 - 64);
    memcpy(&inode, im->meta + nid * 32, sizeof(inode));
    return inode;
}

/* A block of a directory or symlink, as kernels find it; *len is what of it is in use. */
static const uint8_t *block_at(const struct image *im, uint64_t nid, uint64_t block, uint32_t *len)
{
    struct erofs_inode inode = inode_at(im, nid);
    uint64_t last = (inode.size - 1) / 4096;
    uint32_t body = 64 + (inode.xattr_icount ? 12 + 4 * (inode.xattr_icount - 1u) : 0);
    *len = block < last ? 4096 : (uint32_t)(inode.size - last * 4096);
    uint64_t at = (uint64_t)inode.block * 4096 + block * 4096;
    if (inode.format >> 1 == EROFS_FLAT_INLINE && block == last) {
        at = nid * 32 + body;
        CHECK(at % 4096 + *len <= 4096);
    }
    CHECK(at >= 1152 && at + *len <= im->bytes);
    return im->meta + at;
}

static void check_entry(const struct image *im, const struct entry *e, const struct erofs_dirent *d, const char *name,
                        size_t len)
{
    const struct node *n = &im->t->nodes[e->node];
    CHECK(strlen(tree_name(im->t, e->name)) == len && memcmp(tree_name(im->t, e->name), name, len) == 0);
    CHECK(d->nid == n->nid && d->type > 0 && d->type < 8);
}

static void check_directory(const struct image *im, const struct node *n)
{
    uint32_t next = n->first;
    for (uint64_t block = 0; block * 4096 < n->size; block++) {
        uint32_t len;
        const uint8_t *p = block_at(im, n->nid, block, &len);
        struct erofs_dirent d, after;
        memcpy(&d, p, sizeof(d));
        uint32_t count = d.name_offset / 12;
        CHECK(count > 0 && d.name_offset % 12 == 0 && d.name_offset < len);
        for (uint32_t i = 0; i < count; i++, next++) {
            memcpy(&d, p + i * 12, sizeof(d));
            memcpy(&after, p + (i + 1) * 12, sizeof(after));
            uint32_t end = i + 1 < count ? after.name_offset : len;
            CHECK(d.name_offset < end && end <= len && next < n->first + n->count);
            size_t name_len = strnlen((const char *)p + d.name_offset, end - d.name_offset);
            check_entry(im, &im->t->entries[next], &d, (const char *)p + d.name_offset, name_len);
        }
    }
    CHECK(next == n->first + n->count);
}

/* erofs_map_blocks: the address of each chunk behind the inode and its attributes. */
static void check_chunks(const struct image *im, const struct node *n, const struct erofs_inode *inode)
{
    uint64_t at = n->nid * 32ull + 64 + (n->xattrs ? 12 + n->xattrs : 0), chunk = 4096ull << inode->block;
    CHECK(inode->format == (4 << 1 | 1) && inode->block < 32 && at % 4 == 0);
    for (uint64_t offset = 0, i = 0; offset < n->size; offset += chunk, i++, at += 4) {
        uint32_t address;
        CHECK(at + 4 <= im->bytes && i < 1024);
        memcpy(&address, im->meta + at, 4);
        bool data = im->t->blobs.data[n->blob + n->xattrs + i / 8] >> i % 8 & 1;
        CHECK(address == (data ? n->block + offset / 4096 : 0xffffffff));
    }
}

static void check_node(const struct image *im, const struct node *n)
{
    struct erofs_inode inode = inode_at(im, n->nid);
    CHECK((inode.format & 1) == 1 && inode.mode == n->mode && inode.size == n->size);
    CHECK(inode.mtime == (uint64_t)n->mtime && inode.uid == n->uid && inode.nlink == n->nlink);
    CHECK((inode.xattr_icount ? 4 * (inode.xattr_icount - 1u) : 0) == n->xattrs);
    if (n->xattrs)
        CHECK(memcmp(im->meta + n->nid * 32ull + 64 + 12, im->t->blobs.data + n->blob, n->xattrs) == 0);
    if (S_ISDIR(n->mode))
        check_directory(im, n);
    if (S_ISLNK(n->mode)) {
        uint32_t len;
        const uint8_t *p = block_at(im, n->nid, 0, &len);
        CHECK(len == n->size && memcmp(p, im->t->blobs.data + n->blob + n->xattrs, len) == 0);
    }
    if (S_ISCHR(n->mode) || S_ISBLK(n->mode))
        CHECK(inode.block == n->rdev);
    if (n->flags & NODE_HOLES)
        check_chunks(im, n, &inode);
}

/* Files lie behind the metadata, in order, and touch no other's blocks. */
static void check_files(const struct image *im)
{
    uint64_t next = im->l->meta_blocks;
    for (uint32_t i = 0; i < im->l->file_count; i++) {
        const struct node *n = &im->t->nodes[im->l->files[i]];
        CHECK(n->block == next);
        next += n->size / 4096 + (n->size % 4096 != 0);
    }
    CHECK(next == im->l->blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct tree t = {0};
    struct layout l;
    struct err err = {0};
    take_tree(&in, &t);
    if (layout_tree(&l, &t, &err) == 0) {
        uint8_t *meta = encode_metadata(&t, &l);
        CHECK(meta && t.nodes[TREE_ROOT].nid <= EROFS_ROOT_NID_MAX);
        struct image im = {meta, (uint64_t)l.meta_blocks * 4096, &t, &l};
        for (uint32_t i = 0; i < t.node_count; i++)
            check_node(&im, &t.nodes[i]);
        check_files(&im);
        free(meta);
    } else {
        CHECK(strstr(err.text, "16 TiB"));
    }
    layout_free(&l);
    tree_free(&t);
    return 0;
}
