#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"
#include "ctl/ctl.h"

#include <string.h>

static int print(const struct buf *text, struct err *err)
{
    return io_write_all(STDOUT_FILENO, text->data, text->len) < 0 ? err_sys(err, "cannot write") : 0;
}

int ctl_status(int fd, char **argv, struct err *err)
{
    cleanup_buf struct buf text = {0};
    char state[32];
    bool healthy = argv[1] && strcmp(argv[1], "--healthy") == 0;
    if (argv[1] && !healthy && strcmp(argv[1], "--json") != 0)
        return err_set(err, "status: unknown argument %s", argv[1]);
    if (ctl_ask(fd, PROTO_STATUS, &text, err) < 0)
        return -1;
    if (json_get_string(text.data, text.len, "state", state, sizeof(state)) < 0)
        return err_set(err, "the VM's entry gave an answer that is none");
    if (healthy)
        return strcmp(state, "running") == 0 ? 0 : 1;
    buf_str(&text, "\n");
    return print(&text, err);
}

int ctl_logs(int fd, char **argv, struct err *err)
{
    cleanup_buf struct buf text = {0};
    if (argv[1])
        return err_set(err, "logs: unknown argument %s", argv[1]);
    return ctl_ask(fd, PROTO_LOGS, &text, err) < 0 ? -1 : print(&text, err);
}
