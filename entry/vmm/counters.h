/* Firecracker's metrics (docs/metrics.md): lines of JSON from a FIFO with the counts since the previous line, which are
 * added up here. */
#ifndef CTR_COUNTERS_H
#define CTR_COUNTERS_H

#include "common/buf.h"
#include "common/loop.h"

struct counters;

/* Reads fd, which stays the caller's and does not block.  NULL without memory. */
struct counters *counters_new(struct loop *loop, int fd);

/* Reads what is there now. */
void counters_read(struct counters *c);

/* Appends them as Prometheus text, with the label vm. */
void counters_print(const struct counters *c, const char *vm, struct buf *out);

void counters_free(struct counters *c);

#endif
