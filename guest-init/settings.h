/* What entry wants of this guest: its first message on the control connection. */
#ifndef CTR_INIT_SETTINGS_H
#define CTR_INIT_SETTINGS_H

#include "common/err.h"
#include "common/proto.h"

/* Arrays that end with a NULL, in one block of memory, and their strings in another. */
struct settings {
    char **list;        /* NAME=value strings (common/settings.h), but for what is in the next two */
    char **command;     /* the command and its arguments: at least one string */
    char **environment; /* NAME=value strings */
    int64_t time;       /* the host's clock when it sent them: ns since 1970 */
    char *text;
};

/* Waits for the message on the control connection, reads exactly that, and parses it.  -1 with err. */
int settings_receive(int control, struct settings *s, struct err *err);

/* Parses PROTO_SETTINGS's payload of len bytes, which becomes s's, also when it fails: -1 with err.  settings_free is
 * wanted in either case. */
int settings_parse(char *payload, size_t len, struct settings *s, struct err *err);

void settings_free(struct settings *s);

#endif
