/* The store of a host: files by their SHA-256, and names for them.
 *
 *   ROOT/sha256/DIGEST     a file, read-only and complete
 *   ROOT/kernels/ID        a symbolic link to ../sha256/DIGEST
 *   ROOT/images/TAG        the same; a slash in the tag is a plus sign here
 *
 * An image may have a configuration, a file of its own.  Its tag's link is to ../sha256/DIGEST+CONFIG then, which only
 * the store can follow: so one rename changes both.
 *
 * A name is a link because making one is atomic: no reader ever sees half a name.  A file is created without a name
 * (O_TMPFILE), written and synced, and only then linked as DIGEST.  So a killed process leaves at most a file that no
 * name leads to, and the next change removes that file.
 *
 * Changes are made under flock(2) of ROOT; copying a file into the store is not, so that copies do not wait for each
 * other.  Readers take no lock. */
#ifndef CTR_STORE_STORE_H
#define CTR_STORE_STORE_H

#include "common/buf.h"
#include "common/err.h"
#include "store/name.h"
#include "store/sha256.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_ROOT "/var/lib/ctr-jailer" /* unless the user names another */

struct store {
    const char *root; /* as the user gave it; must live as long */
    int dir, blobs, names[STORE_KINDS];
};
#define STORE_CLOSED                                                                                                   \
    {                                                                                                                  \
        .dir = -1, .blobs = -1, .names = { -1, -1 }                                                                    \
    }

/* Opens the store in root; with make, makes what is missing of it, but not the directories above it.  Refuses a store
 * that another user owns or may write to.  -1 with err; store_close is allowed then too. */
int store_open(struct store *s, const char *root, bool make, struct err *err);
void store_close(struct store *s);

/* What a name leads to. */
struct stored {
    char digest[SHA256_TEXT];
    char config[SHA256_TEXT]; /* the digest of an image's configuration; "" without one */
};

/* Copies the file from into the store, with its configuration (NULL: none), and gives it the name, which is valid
 * (store/name.h) and may have been another file's.  out is set.  -1 with err: the store is unchanged, or has changed
 * completely. */
int store_add(const struct store *s, enum store_kind kind, const char *name, int from, const struct buf *config,
              struct stored *out, struct err *err);

/* Gives the file of a name another name, too. */
int store_tag(const struct store *s, enum store_kind kind, const char *name, const char *other, struct err *err);

/* Removes a name, and its file if that was the last name.  -1 with err, also if there is no such name. */
int store_remove(const struct store *s, enum store_kind kind, const char *name, struct err *err);

/* Removes the files that no name leads to, which each change does too, and adds a line to told for each.  -1 with
 * err. */
int store_prune(const struct store *s, struct buf *told, struct err *err);

/* What a name leads to.  -1 with err. */
int store_find(const struct store *s, enum store_kind kind, const char *name, struct stored *out, struct err *err);

/* The text of the configuration with this digest, after comparing the two; owned by the caller.  NULL with err. */
char *store_config(const struct store *s, const char *digest, struct err *err);

/* The size of a file, and with verify whether its bytes are those of its digest.  -1 with err. */
int store_check(const struct store *s, const char *digest, bool verify, uint64_t *size, struct err *err);

/* Calls found for each name, in the order of their bytes, until it returns other than 0: that is returned then.  -1
 * with err. */
int store_list(const struct store *s, enum store_kind kind, int (*found)(void *arg, const char *name), void *arg,
               struct err *err);

#endif
