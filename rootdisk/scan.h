#ifndef CTR_ROOTDISK_SCAN_H
#define CTR_ROOTDISK_SCAN_H

#include "common/err.h"
#include "rootdisk/tree.h"

/* Fills an empty tree from the directory root (any descriptor on it). */
int scan_tree(struct tree *t, int root, bool cross_mounts, struct err *err);

#endif
