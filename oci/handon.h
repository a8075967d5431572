/* Hands a command on to the base runtime, runc or crun. */
#ifndef CTR_OCI_HANDON_H
#define CTR_OCI_HANDON_H

#include "common/err.h"
#include "oci/arguments.h"
#include "oci/conf.h"

/* What the base gets instead of a->argv's own; NULL: the same. */
struct handon {
    const char *bundle, *process;
};

/* Becomes the base runtime.  Returns only if that fails: -1 with err. */
int handon_become(const struct arguments *a, const struct conf *c, const struct handon *with, struct err *err);

/* Runs it, with all of this process's descriptors.  Returns its exit status; -1 with err. */
int handon_run(const struct arguments *a, const struct conf *c, const struct handon *with, struct err *err);

#endif
