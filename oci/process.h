/* The member process of a bundle, in which entry takes the place of the command. */
#ifndef CTR_OCI_PROCESS_H
#define CTR_OCI_PROCESS_H

#include "oci/conf.h"
#include "oci/walk.h"

#include <stdbool.h>

struct process_plan {
    const struct conf *conf;
    int annotations;     /* of the bundle, or -1 */
    const char *volumes; /* VM_VOLUMES, as the content of a JSON string */
    bool host_network;
    bool readonly; /* the root */
};

/* Writes the member.  -1 with the walk's err. */
int process_write(struct walk *w, int process, const struct process_plan *plan);

#endif
