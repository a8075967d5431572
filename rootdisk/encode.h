#ifndef CTR_ROOTDISK_ENCODE_H
#define CTR_ROOTDISK_ENCODE_H

#include "rootdisk/layout.h"

/* The image's first meta_blocks blocks, which is everything except the files' data, in new memory; the caller frees it.
 * NULL with errno ENOMEM. */
uint8_t *encode_metadata(const struct tree *t, const struct layout *l);

/* CRC-32C as EROFS has it: no final inversion. */
uint32_t encode_crc32c(uint32_t crc, const void *data, size_t len);

#endif
