/* This guest's settings: entry's first message on the control connection. */
#ifndef CTR_INIT_SETTINGS_H
#define CTR_INIT_SETTINGS_H

#include "common/err.h"
#include "common/proto.h"

/* Arrays that end with a NULL, in one block of memory, and their strings in another. */
struct settings {
    char **list;        /* NAME=value strings (common/settings.h), except for those in the next two */
    char **command;     /* the command and its arguments: at least one string */
    char **environment; /* NAME=value strings */
    int64_t time;       /* the host's clock when it sent them: ns since 1970 */
    char *text;
};

/* Waits for the message on the control connection, reads exactly that, and parses it.  -1 with err. */
int settings_receive(int control, struct settings *s, struct err *err);

/* Parses PROTO_SETTINGS's payload of len bytes, which s owns from now on. -1 with err.  Call settings_free in either
 * case. */
int settings_parse(char *payload, size_t len, struct settings *s, struct err *err);

void settings_free(struct settings *s);

#endif
