/* Resource limits by the names that `docker run --ulimit` and limits.conf(5) have for them. */
#ifndef CTR_LIMITS_H
#define CTR_LIMITS_H

#include "common/buf.h"
#include "common/err.h"

#include <sys/resource.h>

enum { LIMITS_COUNT = 16 };

struct limits_row {
    const char *name;
    int resource;        /* RLIMIT_* */
    struct rlimit usual; /* the kernel's limits for its first process (include/asm-generic/resource.h) */
};

extern const struct limits_row limits_rows[LIMITS_COUNT];

/* What main calls before anything else: raises this process's own limit of the stack to what our programs are
 * written for, as far as it may.  -1 with err when the stack stays too small to go on. */
int limits_stack(struct err *err);

/* The stack's limit, as it was before that. */
struct rlimit limits_stack_given(void);

/* Sets it back, for a program that takes this process's limits for its user's. */
void limits_stack_back(void);

/* Appends NAME=SOFT:HARD. */
void limits_print(const struct limits_row *row, const struct rlimit *limit, struct buf *out);

/* Reads that format.  The row, or NULL when it is malformed. */
const struct limits_row *limits_parse(const char *text, struct rlimit *limit);

#endif
