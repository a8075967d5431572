#include "cni/caller/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t len, struct buf *out)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char text[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
                        n > 2 ? digits[bits & 63] : '='};
        buf_add(out, text, sizeof(text));
    }
}

int base64_decode(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    if (len % 4)
        return -1;
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;
        size_t n = text[i + 3] != '=' ? 3 : text[i + 2] != '=' ? 2 : 1;
        if (n < 3 && i + 4 < len)
            return -1;
        for (size_t j = 0; j < 4; j++) {
            const char *digit = j > n ? digits : memchr(digits, text[i + j], sizeof(digits) - 1);
            if (!digit)
                return -1;
            bits = bits << 6 | (uint32_t)(digit - digits);
        }
        const uint8_t bytes[] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
        buf_add(out, bytes, n);
    }
    return 0;
}
