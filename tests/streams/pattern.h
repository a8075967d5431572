/* Bytes that tell where they belong: the n-th byte of the stream `seed`. */
#ifndef CTR_PATTERN_H
#define CTR_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* splitmix64 (Steele, Lea and Flood, 2014), of eight bytes at a time. */
static inline uint64_t pattern_word(uint64_t seed, uint64_t word)
{
    uint64_t z = seed * UINT64_C(0xd1342543de82ef95) + (word + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Fills data with the bytes from `at` on. */
static inline void pattern_fill(uint64_t seed, uint64_t at, unsigned char *data, size_t len)
{
    for (size_t i = 0; i < len; i++, at++)
        data[i] = (unsigned char)(pattern_word(seed, at / 8) >> 8 * (at % 8));
}

/* Whether data is that; *where: the first byte that is not. */
static inline bool pattern_is(uint64_t seed, uint64_t at, const unsigned char *data, size_t len, uint64_t *where)
{
    for (size_t i = 0; i < len; i++, at++)
        if (data[i] != (unsigned char)(pattern_word(seed, at / 8) >> 8 * (at % 8))) {
            *where = at;
            return false;
        }
    return true;
}

#endif
