/* JSON out, into a buf, and in, by jsmn. */
#ifndef CTR_JSON_H
#define CTR_JSON_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* A writer: opens, closes and values put the commas themselves.  key is NULL inside arrays and at the
 * top. */
struct json {
    struct buf *out;
    bool first;
};

void json_open(struct json *j, const char *key, char bracket);        /* '{' or '[' */
void json_close(struct json *j, char bracket);                        /* '}' or ']' */
void json_string(struct json *j, const char *key, const char *value); /* NULL: null; bytes that are no UTF-8: U+FFFD */
void json_number(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);

/* The string value of a top-level key of the object in text, unescaped where simple, into out.  0, or -1
 * when text is no object, or the key is not there, or is no string, or does not fit. */
int json_get_string(const char *text, size_t len, const char *key, char *out, size_t size);

/* Calls found for every whole number that is a value of the object in text (object is "" then), or of an object in
 * it.  What is longer than 63 bytes by name, nested deeper, or no such number is left out.  -1 when text is no
 * object, or none that ends, or larger than an answer of Firecracker's can be. */
int json_numbers(const char *text, size_t len,
                 void (*found)(void *arg, const char *object, const char *key, uint64_t value), void *arg);

#endif
