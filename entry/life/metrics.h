/* The output of `ctr-jailer status --metrics`, except Firecracker's counters (entry/vmm/counters.h). */
#ifndef CTR_METRICS_H
#define CTR_METRICS_H

#include "entry/life/status.h"

/* Appends the metrics as Prometheus text. size: the guest's memory in MiB; figures: from balloon_figures. */
void metrics_fill(const char *id, const char *state, const struct status_facts *facts, const struct status_boot *boot,
                  const char *firecracker, uint64_t size, const uint64_t *figures, struct buf *out);

#endif
