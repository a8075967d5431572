#include "common/cleanup.h"
#include "ctl/ctl.h"

/* The reply is empty on success, and otherwise gives the reason. */
static int ask(const char *id, char **argv, enum proto_type type, struct err *err)
{
    cleanup_buf struct buf why = {0};
    if (argv[1])
        return err_set(err, "%s: takes no arguments", argv[0]);
    if (ctl_ask(id, type, PROTO_JSON, true, &why, err) < 0)
        return -1;
    return why.len ? err_set(err, "%s: %s", argv[0], why.data) : 0;
}

int ctl_pause(const char *id, char **argv, struct err *err)
{
    return ask(id, argv, PROTO_PAUSE, err);
}

int ctl_unpause(const char *id, char **argv, struct err *err)
{
    return ask(id, argv, PROTO_UNPAUSE, err);
}
