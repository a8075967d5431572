/* What the benchmarks in C measure with. */
#ifndef CTR_BENCH_MEASURE_H
#define CTR_BENCH_MEASURE_H

#include <stddef.h>

/* Milliseconds of a clock that never goes back. */
double now_ms(void);

/* Sorts the list. */
double median(double *list, size_t count);

#endif
