/* The system calls of each role of common/sandbox.h: data only, from which common/sandbox.c makes the filter. */
#ifndef CTR_SANDBOX_ROLES_H
#define CTR_SANDBOX_ROLES_H

#include "common/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The masked part of an argument's low 32 bits must equal the value. */
struct condition {
    int argument;
    uint32_t mask, value;
};
enum { RULE_CONDITIONS_MAX = 3, RULE_NOT_HERE = -1 };
/* A call that is allowed, if all the conditions hold; a mask of 0 ends them.  RULE_NOT_HERE: this architecture does not
 * have the call. */
struct rule {
    int call;
    struct condition only[RULE_CONDITIONS_MAX];
};

enum { ROLE_TABLES_MAX = 4 };
/* The calls of all tables together are what the role may do; a table of no rules ends them. */
struct role {
    const char *name; /* of the process, in messages */
    struct rules {
        const struct rule *list;
        size_t count;
    } tables[ROLE_TABLES_MAX];
    bool programs; /* it, or its children, are programs: execve would reset a signal handler */
};

const struct role *role_of(enum sandbox_role role);

#endif
