/* Runs a program of the system to its end: mke2fs, e2fsck, iptables-restore. */
#ifndef CTR_RUN_H
#define CTR_RUN_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>

/* Starts argv (argv[0] is looked up in PATH) with input (may be NULL: /dev/null) on its stdin, and waits.
 * All signals are unblocked and at their defaults in it.  What it prints on stdout and stderr is appended
 * to output (may be NULL: dropped), up to 64 KiB.
 * Returns its exit status 0..255, or 128 + the signal that ended it; -1 with err when it cannot be
 * started. */
int run_program(const char *const argv[], const void *input, size_t input_len, struct buf *output, struct err *err);

/* The last non-empty line of a program's output, cut out of output (which is changed); "" for none. */
const char *run_last_line(struct buf *output);

#endif
