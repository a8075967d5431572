/* Turns nodes with places into bytes.  layout has decided every address.  Only memory can run out here.  The bytes
 * depend on nothing except the tree, so the same tree always gives the same bytes: no uuid, no build time. */
#include "rootdisk/encode.h"

#include "rootdisk/erofs.h"
#include "rootdisk/holes.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

uint32_t encode_crc32c(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return crc;
}

/* The format's own numbers, the generic FT_* ones. */
static uint8_t file_type(uint16_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return 1;
    case S_IFDIR:
        return 2;
    case S_IFCHR:
        return 3;
    case S_IFBLK:
        return 4;
    case S_IFIFO:
        return 5;
    case S_IFSOCK:
        return 6;
    case S_IFLNK:
        return 7;
    default:
        return 0;
    }
}

/* Writes entries first..end, which fit, as one directory block. */
static void put_directory_block(const struct tree *t, uint32_t first, uint32_t end, uint8_t *out)
{
    uint32_t offset = (end - first) * (uint32_t)sizeof(struct erofs_dirent);
    for (uint32_t i = first; i < end; i++) {
        const struct entry *e = &t->entries[i];
        const char *name = tree_name(t, e->name);
        size_t len = strlen(name);
        struct erofs_dirent d = {.nid = htole64(t->nodes[e->node].nid),
                                 .name_offset = htole16((uint16_t)offset),
                                 .type = file_type(t->nodes[e->node].mode)};
        memcpy(out + (i - first) * sizeof(d), &d, sizeof(d));
        memcpy(out + offset, name, len);
        offset += (uint32_t)len;
    }
}

/* Where byte `offset` of a directory's or symlink's data lies; offset is a multiple of the block size. */
static uint8_t *data_at(uint8_t *meta, const struct node *n, uint64_t offset)
{
    if (n->flags & NODE_INLINE && offset == n->size / EROFS_BLOCK * EROFS_BLOCK)
        return meta + (uint64_t)n->nid * EROFS_SLOT + layout_inode_bytes(n);
    return meta + (uint64_t)n->block * EROFS_BLOCK + offset;
}

static void put_directory(const struct tree *t, const struct node *n, uint8_t *meta)
{
    uint32_t end = n->first + n->count, bytes;
    uint64_t offset = 0;
    for (uint32_t i = n->first, next; i < end; i = next, offset += EROFS_BLOCK) {
        next = layout_directory_block(t, i, end, &bytes);
        put_directory_block(t, i, next, data_at(meta, n, offset));
    }
}

/* Chunks lie where they would without holes, so that each block of the image is one block of the file. */
static void put_chunks(const struct tree *t, const struct node *n, uint8_t *meta)
{
    const char *map = t->blobs.data + n->blob + n->xattrs;
    uint8_t *out = meta + (uint64_t)n->nid * EROFS_SLOT + layout_inode_bytes(n);
    uint32_t blocks = 1U << (holes_chunk_bits(n->size) - EROFS_BLOCK_BITS);
    for (uint32_t i = 0; i < holes_chunks(n->size); i++) {
        uint32_t address = htole32(map[i / 8] >> i % 8 & 1 ? n->block + i * blocks : EROFS_NULL_ADDR);
        memcpy(out + (size_t)i * sizeof(address), &address, sizeof(address));
    }
}

/* i_u: its meaning depends on the file type. */
static uint32_t inode_block(const struct node *n)
{
    if (n->flags & NODE_HOLES)
        return holes_chunk_bits(n->size) - EROFS_BLOCK_BITS;
    return S_ISCHR(n->mode) || S_ISBLK(n->mode) ? n->rdev : n->block;
}

static void put_inode(const struct tree *t, uint32_t index, uint8_t *meta)
{
    const struct node *n = &t->nodes[index];
    uint8_t *out = meta + (uint64_t)n->nid * EROFS_SLOT;
    unsigned layout = n->flags & NODE_INLINE  ? EROFS_FLAT_INLINE
                      : n->flags & NODE_HOLES ? EROFS_CHUNK_BASED
                                              : EROFS_FLAT_PLAIN;
    struct erofs_inode inode = {.format = htole16((uint16_t)(layout << 1 | 1)),
                                .xattr_icount = htole16((uint16_t)(n->xattrs ? 1 + n->xattrs / 4 : 0)),
                                .mode = htole16(n->mode),
                                .size = htole64(n->size),
                                .block = htole32(inode_block(n)),
                                .ino = htole32(index + 1),
                                .uid = htole32(n->uid),
                                .gid = htole32(n->gid),
                                .mtime = htole64((uint64_t)n->mtime),
                                .mtime_ns = htole32(n->mtime_ns),
                                .nlink = htole32(n->nlink)};
    memcpy(out, &inode, sizeof(inode));
    if (n->xattrs)
        memcpy(out + sizeof(inode) + EROFS_XATTR_HEADER, t->blobs.data + n->blob, n->xattrs);
    if (S_ISDIR(n->mode))
        put_directory(t, n, meta);
    else if (n->flags & NODE_HOLES)
        put_chunks(t, n, meta);
    else if (S_ISLNK(n->mode) && n->size > 0)
        memcpy(data_at(meta, n, 0), t->blobs.data + n->blob + n->xattrs, n->size);
}

static void put_super(const struct tree *t, const struct layout *l, uint8_t *meta)
{
    struct erofs_super super = {.magic = htole32(EROFS_MAGIC),
                                .feature_compat = htole32(EROFS_COMPAT_SB_CHKSUM | EROFS_COMPAT_MTIME),
                                .block_bits = EROFS_BLOCK_BITS,
                                .root_nid = htole16((uint16_t)t->nodes[TREE_ROOT].nid),
                                .inodes = htole64(t->node_count),
                                .blocks = htole32(l->blocks)};
    for (uint32_t i = 0; i < t->node_count; i++)
        if (t->nodes[i].flags & NODE_HOLES)
            super.feature_incompat = htole32(EROFS_INCOMPAT_CHUNKED_FILE);
    uint8_t *out = meta + EROFS_SUPER_OFFSET;
    memcpy(out, &super, sizeof(super));
    super.checksum = htole32(encode_crc32c(~0u, out, EROFS_BLOCK - EROFS_SUPER_OFFSET));
    memcpy(out, &super, sizeof(super));
}

uint8_t *encode_metadata(const struct tree *t, const struct layout *l)
{
    uint8_t *meta = calloc(l->meta_blocks, EROFS_BLOCK);
    if (!meta)
        return NULL;
    for (uint32_t i = 0; i < t->node_count; i++)
        put_inode(t, i, meta);
    put_super(t, l, meta);
    return meta;
}
