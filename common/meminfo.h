/* Memory sizes from /proc. */
#ifndef CTR_MEMINFO_H
#define CTR_MEMINFO_H

#include <stdint.h>

/* The value in bytes of a "Name:   123 kB" line of /proc/meminfo or /proc/PID/status (proc(5)), or 0. */
uint64_t meminfo_bytes(const char *text, const char *name);

#endif
