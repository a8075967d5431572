#include "common/cleanup.h"
#include "common/log.h"
#include "ctl/ctl.h"

#include <string.h>

/* Run by the guest's shell, or by busybox if there is none. */
static int run_check(const char *id, const char *command, struct err *err)
{
    static const char *const look[] = {"kind", "/bin/sh", NULL};
    const char *const shell[] = {"/bin/sh", "-c", command, NULL}, *const busybox[] = {"sh", "-c", command, NULL};
    struct ctl_session looked = {
        .flags = PROTO_EXEC_COPY, .output = CTL_NO_STDOUT, .user = "0", .directory = "/", .argv = look};
    struct ctl_session check = {.output = CTL_SHOWN, .user = "", .directory = "", .argv = shell};
    int found = ctl_run_first(id, &looked, err);
    if (found != PROTO_COPY_FILE) {
        check.argv = busybox;
        check.flags = PROTO_EXEC_BUSYBOX;
    }
    return found < 0 ? -1 : ctl_run(id, &check, err);
}

/* 0 or 1: Docker reserves the others.  A paused VM counts as healthy, so that nothing replaces it. (Docker does not
 * check a container that it has paused itself.) */
static int check_health(const char *id, struct err *err)
{
    cleanup_buf struct buf text = {0};
    if (ctl_ask(id, PROTO_HEALTH, PROTO_JSON, false, &text, err) < 0)
        return -1;
    const char *state = text.data, *command = state + strlen(state) + 1;
    if (strcmp(state, "paused") == 0)
        return 0;
    if (strcmp(state, "running") != 0)
        return err_set(err, "the VM is %s", state);
    return command < state + text.len ? run_check(id, command, err) : 0;
}

int ctl_status(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf text = {0};
    const char *how = argv[1] ? argv[1] : "";
    bool healthy = strcmp(how, "--healthy") == 0, json = strcmp(how, "--json") == 0;
    bool metrics = strcmp(how, "--metrics") == 0;
    if (argv[1] && ((!healthy && !json && !metrics) || argv[2]))
        return err_set(err, "status: usage: status [--json | --healthy | --metrics]");
    if (healthy) {
        int code = check_health(id, err);
        if (code < 0)
            log_error("%s", err->text);
        return code == 0 ? 0 : 1;
    }
    if (ctl_ask(id, metrics ? PROTO_METRICS : PROTO_STATUS, json ? PROTO_JSON : PROTO_LINES, true, &text, err) < 0)
        return -1;
    buf_str(&text, metrics ? "" : "\n");
    return ctl_print(&text, false, err);
}
