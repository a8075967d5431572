/* Everything that is wrong with the user's options, a line each, so that users can correct all of it at once. */
#ifndef CTR_REFUSALS_H
#define CTR_REFUSALS_H

#include "common/buf.h"
#include "common/err.h"

/* Zeroed is empty.  Lines end with a NUL each. */
struct refusals {
    struct buf lines;
};

/* Takes over the error, if there is one, and zeroes *err. */
void refusals_take(struct refusals *r, struct err *err);

bool refusals_any(const struct refusals *r);

/* Prints each as an error (common/log.h). */
void refusals_log(const struct refusals *r);

void refusals_free(struct refusals *r);

#endif
