/* Reads JSON as a tree: for texts of any shape, while the readers in common/json.h know the shape of theirs.  An item
 * is a token's index.  A function that finds no item returns -1, and accepts -1 as "no item", so that steps can be
 * chained. */
#ifndef CTR_JSONREAD_H
#define CTR_JSONREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonread {
    const char *text; /* not owned */
    void *tokens;     /* jsmn's; owned */
    int count;
};

/* Reads text, which must outlive *j and hold one value, the item 0.  -1 when it is malformed, or without memory. */
int jsonread_open(struct jsonread *j, const char *text, size_t len);
void jsonread_close(struct jsonread *j);

/* The value of a member of an object. */
int jsonread_member(const struct jsonread *j, int object, const char *key);

/* The first item of an array or the first key of an object, and the one after an item or a key. */
int jsonread_first(const struct jsonread *j, int parent);
int jsonread_next(const struct jsonread *j, int item);

/* Whether an item is an object ('{'), an array ('['), or null ('n'). */
bool jsonread_is(const struct jsonread *j, int item, char first);

/* The item as it stands in the text, a string with its quotes: *len bytes without a NUL. */
const char *jsonread_raw(const struct jsonread *j, int item, size_t *len);

/* A string or a key, unescaped, as UTF-8 (half a surrogate pair becomes U+FFFD); owned by the caller.  NULL if the item
 * is not a string or contains a NUL, or without memory. */
char *jsonread_string(const struct jsonread *j, int item);

/* A whole number; 0 if the item is not one. */
uint64_t jsonread_number(const struct jsonread *j, int item);

#endif
