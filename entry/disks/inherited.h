/* Settings that `docker run --ulimit`, `--sysctl` and `--shm-size` gave the container, for its guest.  Nothing records
 * which were given, so a setting counts as given if it differs from the kernel's initial value. */
#ifndef CTR_ENTRY_INHERITED_H
#define CTR_ENTRY_INHERITED_H

#include "common/buf.h"

#include <stdint.h>

/* Appends this process's limits as SETTING_LIMITs, each with its NUL. */
void inherited_limits(struct buf *out);

/* Then raises them for this process and its children, as far as it may: the limits are for the guest's command, and
 * would end Firecracker (cpu, as), refuse its threads (nproc) or its disks (fsize). */
void inherited_lift(void);

/* Appends SETTING_SEEN_SYSCTL and SETTING_SHM, in the same way. */
void inherited_settings(struct buf *out);

/* The parts, separate for their test: the sysctls in the folder proc (a descriptor of /proc/sys); a tmpfs of so many
 * bytes on a machine with so much memory. */
void inherited_sysctls(int proc, struct buf *out);
void inherited_shm(uint64_t bytes, uint64_t memory, struct buf *out);

#endif
