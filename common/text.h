/* Foreign text, for a terminal or a log. */
#ifndef CTR_TEXT_H
#define CTR_TEXT_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

/* The length of the UTF-8 sequence at the start of the len bytes (RFC 3629: no overlong forms, no surrogates), and its
 * code point; or 0. */
size_t text_decode(const char *text, size_t len, uint32_t *code);

/* Whether a terminal takes it for more than a character to show: control characters, C1's included (ECMA-48), and what
 * ends a line or changes the direction of writing (Unicode UAX #9 and #14). */
bool text_steers(uint32_t code);

/* The first character of the len > 0 bytes as a terminal may have it: unchanged, or as \xNN for each byte if it steers
 * or is not UTF-8.  How many bytes of text that was; out has *out_len bytes. */
enum { TEXT_SHOWN = 17 };
size_t text_show(const char *text, size_t len, char out[TEXT_SHOWN], size_t *out_len);

/* Appends lines of text so: \t, \n and \r\n stay. */
void text_show_lines(struct buf *out, const char *text, size_t len);

#endif
