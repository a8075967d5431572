/* A sparse file's holes in EROFS: the file consists of chunks of one size, and each chunk has an address or is a hole.
 */
#ifndef CTR_ROOTDISK_HOLES_H
#define CTR_ROOTDISK_HOLES_H

#include "common/buf.h"

#include <stdint.h>

/* The binary logarithm of the size of a chunk.  Maps are in memory, 4 bytes a chunk.  So a file has at most 16 chunks
 * if chunks of up to 64 KiB suffice, else at most 1024. */
static inline unsigned holes_chunk_bits(uint64_t size)
{
    unsigned bits = 12;
    while ((size - 1) >> bits >= (bits < 16 ? 16 : 1024))
        bits++;
    return bits;
}

/* Chunks of a file of this size, which is not 0. */
static inline uint32_t holes_chunks(uint64_t size)
{
    return (uint32_t)((size - 1) >> holes_chunk_bits(size)) + 1;
}

/* Appends a bit for each chunk of the file fd, from the lowest of the first byte: 1 when it holds data.  1; or 0, with
 * nothing appended, if no chunk is entirely a hole, or if the filesystem does not report holes. */
int holes_find(int fd, uint64_t size, struct buf *out);

#endif
