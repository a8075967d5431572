/* process.user of a bundle as VM_USER and `ctr-jailer exec -u` have it: UID:GID[:GID,...]. */
#ifndef CTR_OCI_IDENTITY_H
#define CTR_OCI_IDENTITY_H

#include "oci/walk.h"

/* Appends it to spec.  Nothing in the object, or no object (-1), is root.  -1 with the walk's err. */
int identity_write(struct walk *w, int user, struct buf *spec);

#endif
