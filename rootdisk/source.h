/* The source files of a scanned tree, opened when needed and held to what the scan saw. */
#ifndef CTR_ROOTDISK_SOURCE_H
#define CTR_ROOTDISK_SOURCE_H

#include "rootdisk/tree.h"

#include <sys/types.h>

/* Opens a node's file below the directory root, close-on-exec.  -1 with errno: ESTALE when what is there
 * now is not what was scanned. */
int source_open(const struct tree *t, int root, uint32_t node);

/* Whether the open file is still what was scanned.  Asked after reading, it answers for what was read:
 * a write changes mtime before it changes bytes.  0, or -1 with errno ESTALE. */
int source_check(const struct tree *t, int fd, uint32_t node);

/* Open files by node.  Bounded, whatever the number of files: one slot for the nodes that share it. */
enum { SOURCE_SLOTS = 256 };
struct source_cache {
    struct {
        uint32_t node;
        int fd; /* -1: none */
    } slot[SOURCE_SLOTS];
};
void source_cache_init(struct source_cache *c);
void source_cache_clear(struct source_cache *c);

/* Reads exactly len bytes of the file at offset, all of them before its end.  0, or -1 with errno. */
int source_read(struct source_cache *c, const struct tree *t, int root, uint32_t node, void *out, size_t len,
                uint64_t offset);

#endif
