/* Finds the node of a source inode that has several names (hard links). */
#ifndef CTR_ROOTDISK_LINKS_H
#define CTR_ROOTDISK_LINKS_H

#include <stddef.h>
#include <stdint.h>

struct link {
    uint64_t dev, ino;
    uint32_t node; /* TREE_ROOT, which has no further names: free, or not known yet */
};

/* An open-addressing table; empty when it is all zeros. */
struct links {
    struct link *slots;
    size_t count, cap; /* cap: 0 or a power of two */
};

/* The inode's place in the table, until the next call; its node is TREE_ROOT when it is new.  NULL without memory. */
struct link *links_find(struct links *l, uint64_t dev, uint64_t ino);

/* Records the node of a new inode. */
void links_set(struct links *l, struct link *place, uint32_t node);

void links_free(struct links *l);

#endif
