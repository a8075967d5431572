/* Makes foreign text safe for a terminal or a log. */
#ifndef CTR_TEXT_H
#define CTR_TEXT_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

/* The length of the UTF-8 sequence at the start of the len bytes (RFC 3629: no overlong forms, no surrogates), and its
 * code point; or 0. */
size_t text_decode(const char *text, size_t len, uint32_t *code);

/* Whether a terminal does more than show the character: control characters, C1 included (ECMA-48), and characters that
 * end a line or change the direction of writing (Unicode UAX #9 and #14). */
bool text_steers(uint32_t code);

/* Writes the first character of the len > 0 bytes to out, safe for a terminal: unchanged, or as \xNN for each byte if
 * it steers the terminal or is not UTF-8.  Sets *out_len to the bytes written; returns the bytes of text used. */
enum { TEXT_SHOWN = 17 };
size_t text_show(const char *text, size_t len, char out[TEXT_SHOWN], size_t *out_len);

/* Appends lines of text in the same way, except that \t, \n and \r\n stay. */
void text_show_lines(struct buf *out, const char *text, size_t len);

#endif
