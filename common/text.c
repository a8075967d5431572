#include "common/text.h"

#include "common/array.h"

#include <stdio.h>
#include <string.h>

size_t text_decode(const char *text, size_t len, uint32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        size_t len;
        uint32_t min;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    const unsigned char *s = (const unsigned char *)text;
    for (size_t f = 0; f < COUNT(forms); f++) {
        if (len < forms[f].len || (s[0] & forms[f].mask) != forms[f].lead)
            continue;
        *code = s[0] & (uint32_t)~forms[f].mask & 0xff;
        for (size_t i = 1; i < forms[f].len; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            *code = *code << 6 | (s[i] & 0x3f);
        }
        bool good = *code >= forms[f].min && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
        return good ? forms[f].len : 0;
    }
    return 0;
}

bool text_steers(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
    };
    for (size_t i = 0; i < COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

size_t text_show(const char *text, size_t len, char out[TEXT_SHOWN], size_t *out_len)
{
    uint32_t code;
    size_t n = text_decode(text, len, &code);
    *out_len = n;
    if (n > 0 && !text_steers(code)) {
        memcpy(out, text, n);
        return n;
    }
    n = n > 0 ? n : 1;
    *out_len = 0;
    for (size_t i = 0; i < n; i++)
        *out_len += (size_t)snprintf(out + *out_len, TEXT_SHOWN - *out_len, "\\x%02x", (unsigned char)text[i]);
    return n;
}

void text_show_lines(struct buf *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        char shown[TEXT_SHOWN];
        size_t shown_len, n;
        if (text[at] == '\n' || text[at] == '\t' || (text[at] == '\r' && at + 1 < len && text[at + 1] == '\n')) {
            buf_add(out, text + at++, 1);
            continue;
        }
        n = text_show(text + at, len - at, shown, &shown_len);
        buf_add(out, shown, shown_len);
        at += n;
    }
}
