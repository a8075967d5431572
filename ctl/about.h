/* vm.json in a VM's record: the options of `run`.  Only root may read it, because it contains the command's
 * environment. */
#ifndef CTR_CTL_ABOUT_H
#define CTR_CTL_ABOUT_H

#include "common/buf.h"
#include "ctl/runvm.h"

/* Appends it as JSON: from this process's environment, which is as entry gets it, and the rest of r.  name and digest
 * are the image's. */
void about_fill(const struct run_vm *r, const char *name, const char *digest, struct buf *out);

#endif
