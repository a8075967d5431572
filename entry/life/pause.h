/* The VM paused and resumed, by Firecracker's API (PATCH /vm).  The vCPUs stand still meanwhile; Firecracker's own
 * thread, and with it the API, goes on, and the guest's clocks count the pause, since KVM's do.  Only a VM whose
 * command runs and was not asked to stop is paused: so none of supervise's deadlines runs meanwhile. */
#ifndef CTR_PAUSE_H
#define CTR_PAUSE_H

#include "entry/life/control.h"
#include "entry/vmm/vmm.h"

struct pause {
    struct vmm *vmm;
    struct control *control; /* hears how it went */
    const char **state;      /* supervise's: "running" becomes "paused", and back */
    bool asked;              /* Firecracker was asked to pause, and not to resume since */
};

/* Pauses the VM, or resumes it, and tells the clients that asked for that once it is so, or why it cannot be. */
void pause_ask(struct pause *p, bool paused);

/* Resumes a VM that is, or is about to be, paused: it has something to do. */
void pause_end(struct pause *p);

#endif
