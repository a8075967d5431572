/* Lines of Prometheus' text format (prometheus.io, "Exposition formats"). */
#ifndef CTR_PROMETHEUS_H
#define CTR_PROMETHEUS_H

#include "common/buf.h"

struct prometheus {
    const char *name; /* without ctr_jailer_ */
    const char *type; /* "counter" or "gauge" */
    const char *help; /* one line without a backslash */
};

/* HELP and TYPE, once before a metric's samples. */
void prometheus_head(struct buf *out, const struct prometheus *m);

/* One sample, with the labels vm and (NULL: none) label; values may be any text. */
void prometheus_sample(struct buf *out, const struct prometheus *m, const char *vm, const char *label, const char *text,
                       double value);

#endif
