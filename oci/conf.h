/* The administrator's file, /etc/ctr-jailer/oci.conf: NAME=value lines, empty ones, and comments that begin with #.  A
 * name is one of the runtime's own (below), or an option of entry (docs/options.md), as a default for all containers.
 */
#ifndef CTR_OCI_CONF_H
#define CTR_OCI_CONF_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>

#define CONF_FILE "/etc/ctr-jailer/oci.conf"
#define CONF_FILE_VARIABLE "CTR_OCI_CONFIG" /* names another file */

struct conf {
    char *text;          /* owned; the rest points into it, or to constants */
    const char *toolkit; /* OCI_TOOLKIT: the runtime image's tree on this host */
    const char *base;    /* OCI_BASE: the runtime that is handed on to; NULL: the first one found */
    const char *state;   /* OCI_STATE: where containers have their folders; on a disk */
    struct buf options;  /* NAME=value strings, each with its NUL; owned */
};

/* Takes the len bytes of text, which end with a NUL.  -1 with err, which names a line. */
int conf_parse(struct conf *c, char *text, size_t len, struct err *err);

/* Reads the file.  A file that is missing is an empty one, unless the variable names it.  It must be root's, with
 * nobody else allowed to write it. */
int conf_read(struct conf *c, struct err *err);
void conf_free(struct conf *c);

/* The value of an option; NULL if the file does not set it. */
const char *conf_option(const struct conf *c, const char *name, size_t len);

#endif
