/* Units of time, in nanoseconds as loop_now counts them (common/loop.h), and of memory, in bytes. */
#ifndef CTR_UNITS_H
#define CTR_UNITS_H

#include <stdint.h>

#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

#endif
