/* The command line of an OCI runtime, as engines call it: runc's (runc(8) and its pages for each command; crun's is the
 * same).  What we change ourselves is taken apart; the rest is passed on as it is. */
#ifndef CTR_OCI_ARGUMENTS_H
#define CTR_OCI_ARGUMENTS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What a command means to us.  VERB_PASS is for the base runtime alone. */
enum verb { VERB_PASS, VERB_CREATE, VERB_EXEC, VERB_DELETE, VERB_REFUSE, VERB_HELP, VERB_VERSION };

struct arguments {
    enum verb verb;
    const char *refusal;       /* of VERB_REFUSE: why, and what to do */
    const char *name;          /* the command */
    const char *root, *log;    /* --root and --log, or NULL */
    bool json;                 /* --log-format json */
    const char *bundle;        /* create's --bundle; NULL: the working directory */
    const char *process;       /* exec's --process, or NULL */
    const char *id;            /* the container; NULL for VERB_PASS */
    const char *const *argv;   /* all of it, argv[0] first; not owned */
    int bundle_at, process_at; /* where argv has these values, -1: nowhere; a value may share its flag's argument */
    int verb_at;               /* where argv has the command */
};

/* argv outlives *a.  *a has --log even if it fails, so that the error goes there.  -1 with err. */
int arguments_read(struct arguments *a, const char *const *argv, struct err *err);

/* Whether the text can be a container's id: runc's rule, letters, digits and "_+.-", and a directory's name. */
bool arguments_is_id(const char *text);

#endif
