/* SHA-256 (FIPS 180-4). */
#ifndef CTR_STORE_SHA256_H
#define CTR_STORE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

enum { SHA256_TEXT = 65 }; /* 64 hexadecimal digits and a NUL */

void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);

/* Ends the calculation; s must be started again before it is used again. */
void sha256_text(struct sha256 *s, char text[SHA256_TEXT]);

/* Reads a digest in the format of sha256_text from the start of *from; false if the text is something else or longer.
 */
bool sha256_take(const char **from, char text[SHA256_TEXT]);

#endif
