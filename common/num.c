#include "common/num.h"

#include <stddef.h>
#include <string.h>

/* The digits at *text; *text moves past them.  -1 without a digit or on overflow. */
static int digits(const char **text, uint64_t *out)
{
    const char *c = *text;
    uint64_t value = 0;
    for (; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return -1;
    if (c == *text)
        return -1;
    *text = c;
    *out = value;
    return 0;
}

int num_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value;
    if (digits(&text, &value) < 0 || *text || value < min || value > max)
        return -1;
    *out = value;
    return 0;
}

int num_parse_size(const char *text, uint64_t unit, uint64_t *out)
{
    static const char letters[] = "KMGT";
    uint64_t value;
    if (digits(&text, &value) < 0)
        return -1;
    const char *letter = *text ? strchr(letters, *text & ~0x20) : NULL;
    if (*text && (!letter || !*letter || text[1]))
        return -1;
    uint64_t scale = letter ? UINT64_C(1) << (10 * (letter - letters + 1)) : unit;
    return __builtin_mul_overflow(value, scale, out) ? -1 : 0;
}
