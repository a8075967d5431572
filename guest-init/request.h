/* PROTO_EXEC's payload as a command. */
#ifndef CTR_INIT_REQUEST_H
#define CTR_INIT_REQUEST_H

#include "common/proto.h"
#include "guest-init/command.h"

struct request {
    uint32_t session, flags, rows, columns;
    struct command command; /* its strings and lists are owned by the request */
    char *text;
    char **lists;
};

/* Parses it; base (NAME=value strings, NULL-terminated, which must outlive r) is the environment to which the request's
 * own variables are added; they win.  -1 when it is malformed, or without memory. */
int request_parse(const struct proto_msg *msg, char *const *base, struct request *r);
void request_free(struct request *r);

#endif
