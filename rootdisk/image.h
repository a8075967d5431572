/* The state that the public functions share: a laid out tree, its encoded metadata, and where its files are. */
#ifndef CTR_ROOTDISK_IMAGE_H
#define CTR_ROOTDISK_IMAGE_H

#include "rootdisk/layout.h"
#include "rootdisk/rootdisk.h"
#include "rootdisk/source.h"

struct rootdisk {
    int root; /* the tree's directory */
    struct tree tree;
    struct layout layout;
    uint8_t *meta; /* layout.meta_blocks blocks */
    struct source_cache cache;
};

#endif
