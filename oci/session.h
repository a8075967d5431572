/* A process.json of `exec --process` becomes that of `ctr-jailer exec` with the same command, beside entry. */
#ifndef CTR_OCI_SESSION_H
#define CTR_OCI_SESSION_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

/* As rewrite_config does.  input: the command has a stdin. */
int session_rewrite(const char *text, size_t len, bool input, struct buf *out, struct buf *warnings, struct err *err);

#endif
