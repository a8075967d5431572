#include "cni/caller/invoke.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VARIABLES = 6, TEXT = 4096 + 64 };

static int find_plugin(const char *dirs, const char *type, char path[TEXT], struct err *err)
{
    for (const char *p = dirs; *p;) {
        size_t len = strcspn(p, ":");
        if (len && snprintf(path, TEXT, "%.*s/%s", (int)len, p, type) < TEXT && access(path, X_OK) == 0)
            return strchr(path, '=') ? err_set(err, "the path of a CNI plugin cannot have a '=': %s", path) : 0;
        p += len + (p[len] == ':');
    }
    return err_set(err, "there is no CNI plugin %s in %s (Debian's package containernetworking-plugins has many)", type,
                   dirs);
}

int invoke_check(const struct cni_attachment *a, const char *type, struct err *err)
{
    char path[TEXT];
    return find_plugin(a->plugin_dirs, type, path, err);
}

/* An error is an object with code, msg, and perhaps details. */
static int tell(const char *command, const char *type, int status, struct buf *said, struct buf *complaints,
                struct err *err)
{
    char message[1024], details[1024] = "";
    const char *text = said->data ? said->data : "";
    if (json_get_string(text, said->len, "msg", message, sizeof(message)))
        return err_set(err, "the CNI plugin %s failed at %s with exit code %d: %s", type, command, status,
                       run_last_line(complaints));
    json_get_string(text, said->len, "details", details, sizeof(details));
    return err_set(err, "the CNI plugin %s failed at %s: %s%s%s", type, command, message, *details ? ": " : "",
                   details);
}

/* run_program gives a program only PATH as its environment; plugins need that too, and env(1) adds the rest.  env(1)
 * takes every argument with a '=' for a variable. */
int invoke(const struct cni_attachment *a, const char *command, const char *type, const struct buf *config,
           struct buf *out, struct err *err)
{
    char path[TEXT];
    cleanup_buf struct buf said = {0}, complaints = {0};
    cleanup_buf struct buf variables = {0};
    const char *const values[VARIABLES][2] = {{"COMMAND", command},  {"CONTAINERID", a->id}, {"NETNS", a->netns},
                                              {"IFNAME", a->ifname}, {"ARGS", a->args},      {"PATH", a->plugin_dirs}};
    const char *argv[VARIABLES + 3] = {"env"};
    size_t count = 1, starts[VARIABLES], set = 0;
    if (find_plugin(a->plugin_dirs, type, path, err))
        return -1;
    for (size_t i = 0; i < VARIABLES; i++) {
        if (!values[i][1])
            continue;
        starts[set++] = variables.len;
        buf_fmt(&variables, "CNI_%s=%s", values[i][0], values[i][1]);
        buf_add(&variables, "", 1);
    }
    if (buf_failed(&variables) || buf_failed(config))
        return err_set(err, "out of memory");
    for (size_t i = 0; i < set; i++)
        argv[count++] = variables.data + starts[i];
    argv[count] = path;
    int status = run_program(argv, config->data, config->len, &said, &complaints, err);
    if (status < 0)
        return -1;
    if (status)
        return tell(command, type, status, &said, &complaints, err);
    buf_add(out, said.data ? said.data : "", said.len);
    return buf_failed(out) ? err_set(err, "out of memory") : 0;
}
