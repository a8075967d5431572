#include "rootdisk/holes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int holes_find(int fd, uint64_t size, struct buf *out)
{
    uint8_t map[1024 / 8] = {0};
    uint32_t chunks = holes_chunks(size), full = 0;
    unsigned bits = holes_chunk_bits(size);
    for (uint64_t at = 0; at < size; full++) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno != ENXIO)
            return 0;
        if (data < 0 || (uint64_t)data >= size)
            break;
        uint64_t chunk = (uint64_t)data >> bits;
        map[chunk / 8] |= (uint8_t)(1 << chunk % 8);
        at = (chunk + 1) << bits;
    }
    if (full == chunks)
        return 0;
    buf_add(out, map, (chunks + 7) / 8);
    return 1;
}
