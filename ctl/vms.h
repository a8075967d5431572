/* All VMs: those that run here, those that have records on this host (ctl/record.h), and those in containers. */
#ifndef CTR_CTL_VMS_H
#define CTR_CTL_VMS_H

#include "common/err.h"
#include "ctl/record.h"

#include <stddef.h>
#include <sys/types.h>

enum vm_place { VM_HOST, VM_CONTAINER };
struct vm {
    enum vm_place place;
    char id[RECORD_NAME];
    char *state; /* state.json (entry/life/state.h); NULL: it does not run.  A container's may be anything. */
    char *about; /* vm.json of its record; NULL: it has none */
    size_t state_len, about_len;
    bool lives;  /* the record does */
    long code;   /* its exit code; -1: not known */
    pid_t entry; /* a container's: as it is called here */
    pid_t inner; /* and in there */
};
struct vms {
    struct vm *list; /* owned, with its texts */
    size_t count;
    bool failed; /* without memory */
};

/* Finds those of this host, with the records in root; -1 with err. */
int vms_find(struct vms *v, const char *root, struct err *err);

/* Adds those in containers that this process can see: whose state.json tells of an `entry` that runs there.  Looks only
 * at the kind and the size of their files. */
void vms_find_contained(struct vms *v);

void vms_free(struct vms *v);

/* A new one, or NULL without memory. */
struct vm *vms_add(struct vms *v, enum vm_place place, const char *id);

#endif
