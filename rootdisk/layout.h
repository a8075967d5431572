/* The layout of the image:
 *
 *   block 0: superblock | inodes, with xattrs and inline tails | blocks of large directories and symlinks
 *   ------------------------------- meta_blocks ------------------------------- | files, block-aligned
 *
 * The first part is kept in memory, the second is the source files themselves. */
#ifndef CTR_ROOTDISK_LAYOUT_H
#define CTR_ROOTDISK_LAYOUT_H

#include "common/err.h"
#include "rootdisk/tree.h"

struct layout {
    uint32_t meta_blocks;
    uint32_t blocks; /* of the whole image */
    uint32_t *files; /* nodes of the files that have data, by address; owned */
    uint32_t file_count;
};

/* Sets nid, block, NODE_INLINE, and the size of directories, of all nodes of a scanned tree. */
int layout_tree(struct layout *l, struct tree *t, struct err *err);
void layout_free(struct layout *l);

/* The end of the run of entries first..end that share a directory block, and the bytes they take there. */
uint32_t layout_directory_block(const struct tree *t, uint32_t first, uint32_t end, uint32_t *bytes);

/* Bytes of a node's inode in the image, without and with an inline tail. */
uint32_t layout_inode_bytes(const struct node *n);

#endif
