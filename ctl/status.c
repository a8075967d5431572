#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

/* By the guest's shell; by busybox' where there is none. */
static int run_check(const char *id, const char *command, struct err *err)
{
    static const char *const look[] = {"kind", "/bin/sh", NULL};
    const char *const shell[] = {"/bin/sh", "-c", command, NULL}, *const busybox[] = {"sh", "-c", command, NULL};
    struct ctl_session looked = {.flags = PROTO_EXEC_COPY, .user = "0", .directory = "/", .argv = look};
    struct ctl_session check = {.user = "", .directory = "", .argv = shell};
    int found = ctl_run(id, &looked, err);
    if (found != PROTO_COPY_FILE) {
        check.argv = busybox;
        check.flags = PROTO_EXEC_BUSYBOX;
    }
    return found < 0 ? -1 : ctl_run(id, &check, err);
}

/* The JSON as lines of `name: value`, what is in an object indented, lists in one line. */
static void print_lines(const struct buf *json)
{
    unsigned depth = 0, lists = 0;
    bool quoted = false;
    for (const char *c = json->data; *c; c++) {
        if (*c == '\\' && c[1])
            putchar(*++c);
        else if (*c == '"')
            quoted = !quoted;
        else if (quoted)
            putchar(*c);
        else if (*c == '[' || *c == ']')
            lists += *c == '[' ? 1 : -1U;
        else if (*c == '}')
            depth--;
        else if (*c == ':' || (*c == ',' && lists))
            printf("%c ", *c);
        else if (*c == ',' || (*c == '{' && depth++))
            printf("\n%*s", 2 * ((int)depth - 1), "");
        else if (*c != '{')
            putchar(*c);
    }
    putchar('\n');
}

static int print(struct buf *text, bool json, struct err *err)
{
    if (json)
        buf_str(text, "\n");
    else
        print_lines(text);
    return io_write_all(STDOUT_FILENO, text->data, json ? text->len : 0) < 0 || fflush(stdout) != 0
               ? err_sys(err, "cannot write")
               : 0;
}

/* 0 or 1: Docker reserves the others.  Who pauses a VM does not want it replaced: Docker asks a container that it has
 * paused nothing. */
static int check_health(const char *id, struct err *err)
{
    cleanup_buf struct buf text = {0};
    if (ctl_ask(id, PROTO_HEALTH, &text, err) < 0)
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
        return err_set(err, "status: use it as: status [--json | --healthy | --metrics]");
    if (metrics) {
        if (ctl_ask(id, PROTO_METRICS, &text, err) < 0)
            return -1;
        return io_write_all(STDOUT_FILENO, text.data, text.len) < 0 ? err_sys(err, "cannot write") : 0;
    }
    if (healthy) {
        int code = check_health(id, err);
        if (code < 0)
            log_error("%s", err->text);
        return code == 0 ? 0 : 1;
    }
    return ctl_ask(id, PROTO_STATUS, &text, err) < 0 ? -1 : print(&text, json, err);
}
