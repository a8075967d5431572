/* Firecracker, configured and started over its API socket. */
#ifndef CTR_VMM_H
#define CTR_VMM_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { VMM_DRIVES_MAX = 13 }; /* of the 17 devices that Firecracker has interrupts for */

/* What a device may pass in a second; 0: as much as it can. */
struct vmm_limit {
    uint64_t bytes, ops;
};

struct vmm_plan {
    const char *api_socket; /* its name in the jail's /run */
    const char *vsock;      /* the guest channel's path in the jail */
    const char *kernel, *initrd;
    unsigned vcpus;
    uint64_t mem_mib;
    const char *boot_args;
    struct vmm_drive {
        const char *name; /* also of its file in the jail's / */
        bool read_only;
    } drives[VMM_DRIVES_MAX];
    unsigned drive_count;
    struct vmm_limit drive_limit, net_limit; /* for each drive; for each direction */
    const char *tap;                         /* NULL: no network */
    const char *mac;                         /* "aa:bb:cc:dd:ee:ff" */
};

/* Waits for the API socket in the folder run (a descriptor), configures the VM and starts it.  Gives up
 * when it is cancelled (common/cancel.h), or when pid_fd becomes readable: Firecracker has ended; *ended tells.  A
 * refusal's err carries Firecracker's own message. */
int vmm_start(const struct vmm_plan *plan, int run, int pid_fd, bool *ended, struct err *err);

#endif
