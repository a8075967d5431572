/* Pauses and resumes the VM by Firecracker's API (PATCH /vm).  The vCPUs stand still during a pause; Firecracker's own
 * thread, and with it the API, goes on, and the guest's clocks count the pause, since KVM's do.  A VM is paused only if
 * its command runs and was not asked to stop, so none of supervise's deadlines runs during a pause. */
#ifndef CTR_PAUSE_H
#define CTR_PAUSE_H

#include "entry/life/control.h"
#include "entry/life/status.h"
#include "entry/vmm/vmm.h"

struct pause {
    struct vmm *vmm;
    struct control *control;  /* hears how it went */
    enum status_state *state; /* supervise's: STATUS_RUNNING becomes STATUS_PAUSED, and back */
    bool asked;               /* Firecracker was asked to pause, and has not been asked to resume since */
};

/* Pauses or resumes the VM, and then tells the clients that asked, or why it cannot be done. */
void pause_ask(struct pause *p, bool paused);

/* Resumes a VM that is paused, or about to be, because it has something to do. */
void pause_end(struct pause *p);

#endif
