/* A walk through an object of a bundle's JSON, member by member, by a table that says what becomes of each: nothing of
 * a bundle is lost without a word.  What is kept is copied as it stands in the text, byte for byte. */
#ifndef CTR_OCI_WALK_H
#define CTR_OCI_WALK_H

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"
#include "common/jsonread.h"

#include <stddef.h>
#include <stdint.h>

struct walk {
    const struct jsonread *json;
    struct json to;       /* what is written so far */
    struct buf *warnings; /* lines, each with its NUL */
    struct err *err;
    void *arg; /* for the table */
};

enum fate {
    FATE_TAKEN,   /* by a function */
    FATE_NOTED,   /* for later: the item goes to an int of arg */
    FATE_KEPT,    /* copied */
    FATE_OURS,    /* the container outside of the VM has its own; docs/oci.md says what the guest has */
    FATE_LOST,    /* a warning, if it says anything (not null, false, 0, "", [] or {}) */
    FATE_REFUSED, /* an error, if it says anything */
};

struct member {
    const char *key;
    enum fate fate;
    const char *why; /* of FATE_LOST and FATE_REFUSED: added to the line; or NULL */
    int (*take)(struct walk *w, int item);
    size_t at; /* of FATE_NOTED: the offset of that int in *arg, which is -1 before */
};

/* path names the object in messages: "process".  An object that is missing or null has no members.  Members that are
 * not in the table cause a warning; one that is there twice, which readers understand differently, an error.  -1 with
 * err. */
int walk_members(struct walk *w, int object, const char *path, const struct member *members, size_t count);

/* Reads a text, which `name` names in messages, and writes an object in its place: write writes the members, from the
 * object that is item 0.  -1 with err, which has a line for people; out then has a part. */
int walk_text(const char *name, const char *text, size_t len, int (*write)(struct walk *w, const void *plan),
              const void *plan, struct buf *out, struct buf *warnings, struct err *err);

/* The first item of an array, -1 if it is empty, null or missing; any other value is an error, said in w->err. */
int walk_array(struct walk *w, int array, const char *path);

/* A whole number up to max.  -1 with err. */
int walk_number(struct walk *w, int item, const char *path, uint64_t max, uint64_t *out);

/* The string, unescaped; owned by the caller.  NULL with err. */
char *walk_string(struct walk *w, int item, const char *path);

/* Whether the item says anything. */
bool walk_says(const struct walk *w, int item);

/* Copies an item as it is; key may be NULL. */
void walk_keep(struct walk *w, const char *key, int item);

/* Writes the string item with a prefix, which needs no escapes, its own bytes unchanged. */
void walk_prefixed(struct walk *w, const char *prefix, int item);

void walk_warn(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
