/* A directory tree in memory: what scan finds, layout places and encode writes.  Flat arrays and 32-bit
 * indexes instead of pointers: about 200 bytes a file with the encoded image, and nothing to free one by one. */
#ifndef CTR_ROOTDISK_TREE_H
#define CTR_ROOTDISK_TREE_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { TREE_ROOT = 0 };
#define TREE_NONE UINT32_MAX

enum node_flags {
    NODE_SPARSE = 1,   /* a file with fewer blocks than its size needs */
    NODE_MOUNT = 2,    /* something is mounted on it: carried as empty */
    NODE_INLINE = 4,   /* layout: the tail of the data follows the inode */
    NODE_REPORTED = 8, /* its source is not what was scanned, and the log says so already */
    NODE_HOLES = 16    /* a sparse file of which whole chunks are holes: its blob has their map (holes.h) */
};

/* An inode.  All its hardlinks are this one node. */
struct node {
    uint64_t size; /* bytes of a file, of a symlink's target, of a directory's entries (by layout); else 0 */
    uint64_t ino;  /* of the source; size, mtime, ino and dev together tell whether it is still what was scanned */
    int64_t mtime;
    uint32_t mtime_ns;
    uint16_t mode;
    uint16_t flags;
    uint32_t uid, gid;
    union {            /* as makedev packs it on disk (tree_device): */
        uint32_t rdev; /* a device's own number; */
        uint32_t dev;  /* of anything else, that of its filesystem */
    };
    uint32_t nlink;        /* within the tree */
    uint32_t parent, name; /* where it was found first: a directory's node, and an offset in names */
    uint32_t first, count; /* a directory's entries */
    uint32_t blob, xattrs; /* offset in blobs of: xattrs bytes of encoded attributes, then a symlink's
                            * target, or the map of a file's chunks */
    uint32_t nid;          /* by layout: where the inode is, in slots */
    uint32_t block;        /* by layout: where the data is, in blocks */
};

struct entry {
    uint32_t name; /* offset in names */
    uint32_t node;
};

struct tree {
    struct node *nodes;
    struct entry *entries; /* per directory contiguous, sorted by name, with "." and ".." */
    uint32_t node_count, node_cap;
    uint32_t entry_count, entry_cap;
    struct buf names; /* NUL-terminated */
    struct buf blobs; /* encoded xattrs, symlink targets, maps of chunks */
};

/* A device's number in 32 bits, as the kernel has it: minor in bits 0-7 and 20-31, major in 8-19. */
static inline uint32_t tree_device(uint32_t major, uint32_t minor)
{
    return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

void tree_free(struct tree *t);

/* Append; the index or offset, or TREE_NONE with errno: ENOMEM, or EOVERFLOW past 32 bits. */
uint32_t tree_add_node(struct tree *t, const struct node *node);
uint32_t tree_add_entry(struct tree *t, const char *name, uint32_t node);
uint32_t tree_add_blob(struct tree *t, const void *data, size_t len);

/* Sorts entries first..end as the format wants them. */
void tree_sort(struct tree *t, uint32_t first);

/* The node's path from the root, for messages: a long one is cut in front. */
void tree_path(const struct tree *t, uint32_t node, char *out, size_t size);

static inline const char *tree_name(const struct tree *t, uint32_t offset)
{
    return t->names.data + offset;
}

#endif
