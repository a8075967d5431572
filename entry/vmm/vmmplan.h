/* What Firecracker is to be told of the VM. */
#ifndef CTR_VMMPLAN_H
#define CTR_VMMPLAN_H

#include "common/mac.h"

#include <stdbool.h>
#include <stdint.h>

enum { VMM_NICS_MAX = 8, VMM_DRIVES_MAX = 13 }; /* of the 17 devices that Firecracker has interrupts for */

/* The most that a device may pass in a second; 0: no limit. */
struct vmm_limit {
    uint64_t bytes, ops;
};

struct vmm_plan {
    const char *vsock; /* the guest channel's path in the jail */
    const char *kernel, *initrd;
    unsigned vcpus;
    uint64_t mem_mib;
    const char *boot_args;
    const char *cpu_template; /* NULL: none */
    bool report_free;         /* the guest tells of free pages as they become free */
    const char *metrics;      /* the path of a FIFO in the jail */
    struct vmm_drive {
        const char *name; /* also of its file in the jail's / */
        bool read_only;
    } drives[VMM_DRIVES_MAX];
    unsigned drive_count;
    struct vmm_limit drive_limit, net_limit; /* for each drive; for each direction */
    struct vmm_nic {
        const char *tap;
        char mac[MAC_TEXT];
    } nics[VMM_NICS_MAX];
    unsigned nic_count;
};

#endif
