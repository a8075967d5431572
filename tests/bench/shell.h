/* References that are shell scripts. */
#ifndef CTR_BENCH_SHELL_H
#define CTR_BENCH_SHELL_H

#include "common/buf.h"
#include "common/err.h"

/* Says why, and ends the benchmark. */
_Noreturn void die(const struct err *err);

/* Runs a script, and gives what it printed when out is not NULL. */
void shell(const char *script, struct buf *out);

#endif
