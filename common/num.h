/* Strict numbers: the whole text must be one, without sign, spaces or leftovers, and lie in a range. */
#ifndef CTR_NUM_H
#define CTR_NUM_H

#include <stdint.h>

/* Decimal digits only.  0, or -1 when the text is not such a number or not within min..max. */
int num_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* A size in bytes: digits with an optional K, M, G or T (powers of 1024), as mke2fs takes them; a number
 * without a letter counts in `unit` bytes.  0, or -1 when malformed or over UINT64_MAX. */
int num_parse_size(const char *text, uint64_t unit, uint64_t *out);

#endif
