/* The commands of ctr-jailer: one table, from which come what is run, the help, the near misses and the completion of
 * shells. */
#ifndef CTR_CTL_COMMANDS_H
#define CTR_CTL_COMMANDS_H

#include "common/err.h"

#include <stddef.h>

struct command {
    const char *name;
    int (*run)(const char *id, char **argv, struct err *err); /* as ctl/ctl.h has them */
    const char *usage; /* flags and words as they are typed, the rest in capitals */
    const char *help;
};

/* All of them, in the order in which the help lists them. */
const struct command *commands_all(size_t *count);

/* NULL: there is none of that name. */
const struct command *commands_find(const char *name);

/* The command that the name is a slip of; NULL: none is near. */
const struct command *commands_meant(const char *name);

#endif
