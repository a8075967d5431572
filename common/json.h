/* Writes JSON into a buf, and reads JSON with jsmn. */
#ifndef CTR_JSON_H
#define CTR_JSON_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* A writer: opens, closes and values put the commas themselves.  key is NULL inside arrays and at the top.
 *
 * Indented, each value has a line, as jq writes it, without the newline at the end.
 *
 * With lines, it writes the same content for people: lines of `key: value`, an object's members indented, a list on one
 * line, and no newline at the end.  out must then be empty at first, and a list may contain neither lists nor objects.
 * */
struct json {
    struct buf *out;
    bool indented, lines; /* at most one */
    bool first;
    bool in_list; /* of lines */
    int depth;
};

void json_open(struct json *j, const char *key, char bracket);        /* '{' or '[' */
void json_close(struct json *j, char bracket);                        /* '}' or ']' */
void json_string(struct json *j, const char *key, const char *value); /* NULL: null; bytes that are not UTF-8: U+FFFD */
void json_number(struct json *j, const char *key, uint64_t value);
void json_raw(struct json *j, const char *key, const char *text, size_t len); /* a value that is JSON already */
void json_bool(struct json *j, const char *key, bool value);

/* Copies the string value of a top-level key of the object in text to out, with simple escapes resolved.  0, or -1 if
 * text is not an object, the key is missing, or its value is not a string or does not fit. */
int json_get_string(const char *text, size_t len, const char *key, char *out, size_t size);

/* Calls found for every whole number that is a value of the object in text (object is "" then), or of an object in it.
 * Skips names longer than 63 bytes, deeper nesting, and other values.  -1 if text is not a complete object, or is
 * larger than any reply of Firecracker's. */
int json_numbers(const char *text, size_t len,
                 void (*found)(void *arg, const char *object, const char *key, uint64_t value), void *arg);

#endif
