/* Settings that `docker run --ulimit`, `--sysctl` and `--shm-size` gave the container, for its guest.  Nothing records
 * which were given, so a setting counts as given if it differs from the kernel's initial value. */
#ifndef CTR_ENTRY_INHERITED_H
#define CTR_ENTRY_INHERITED_H

#include "common/buf.h"

#include <stdint.h>

/* Appends the settings SETTING_LIMIT, SETTING_SEEN_SYSCTL and SETTING_SHM, each with its NUL. */
void inherited_settings(struct buf *out);

/* The parts, separate for their test: this process's limits; the sysctls in the folder proc (a descriptor of
 * /proc/sys); a tmpfs of so many bytes on a machine with so much memory. */
void inherited_limits(struct buf *out);
void inherited_sysctls(int proc, struct buf *out);
void inherited_shm(uint64_t bytes, uint64_t memory, struct buf *out);

#endif
