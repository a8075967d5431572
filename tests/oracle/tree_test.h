/* Random trees, and the comparison of two trees as the kernel shows them: what the root disk's tests and
 * benchmark are made of.  Nothing here knows the image format. */
#ifndef CTR_TREE_TEST_H
#define CTR_TREE_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64: the same seed gives the same tree anywhere. */
struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); /* 0..n-1 */

/* Fills the empty directory open as root with about `count` inodes of all kinds
 * and names of up to `longest` bytes.  What the filesystem or
 * our rights do not allow (an attribute, a time) is left out.  0, or -1 with errno. */
int tree_generate(int root, uint64_t seed, unsigned count, unsigned longest);

struct tree_difference {
    char text[2048]; /* "" when there is none, else the first one found */
    unsigned compared;
};

/* What the image leaves out by rule is skipped in `source` when this is set: host-only attributes, 0:0
 * character devices, and what is mounted. */
enum tree_compare_flags { TREE_BY_RULE = 1, TREE_NO_XATTRS = 2 };

/* Compares content, metadata, attributes and hardlink groups of two directories: 0 when equal, else -1
 * with the first difference's path. */
int tree_compare(int source, int image, int flags, struct tree_difference *d);

#endif
