#include "oci/session.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/settings.h"
#include "oci/grants.h"
#include "oci/identity.h"
#include "oci/walk.h"

#include <string.h>

struct found {
    int args, env, cwd;
    bool terminal;
    struct buf user;
};

static int take_args(struct walk *w, int item)
{
    ((struct found *)w->arg)->args = item;
    return 0;
}

static int take_env(struct walk *w, int item)
{
    ((struct found *)w->arg)->env = item;
    return 0;
}

static int take_cwd(struct walk *w, int item)
{
    ((struct found *)w->arg)->cwd = item;
    return 0;
}

static int take_terminal(struct walk *w, int item)
{
    ((struct found *)w->arg)->terminal = jsonread_is(w->json, item, 't');
    walk_keep(w, "terminal", item);
    return 0;
}

static int take_user(struct walk *w, int item)
{
    struct found *found = w->arg;
    found->user.len = 0;
    return identity_take(w, item, &found->user);
}

/* Each string of the list, after the flag, if there is one. */
static int write_list(struct walk *w, int list, const char *path, const char *flag)
{
    for (int i = walk_array(w, list, path); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *text = walk_string(w, i, path);
        if (!text)
            return -1;
        if (flag && (text[0] == '=' || !strchr(text, '='))) {
            walk_warn(w, "%s: %.100s is not NAME=VALUE and is not carried into the VM", path, text);
            continue;
        }
        if (flag)
            json_string(&w->to, NULL, flag);
        walk_keep(w, NULL, i);
    }
    return w->err->text[0] ? -1 : 0;
}

static int write_args(struct walk *w, const struct found *found, bool input)
{
    if (walk_array(w, found->args, "process.args") < 0)
        return w->err->text[0] ? -1 : err_set(w->err, "process.args: the command is missing");
    json_open(&w->to, "args", '[');
    json_string(&w->to, NULL, "/usr/bin/ctr-jailer");
    json_string(&w->to, NULL, "exec");
    if (found->terminal)
        json_string(&w->to, NULL, "-t");
    if (found->terminal || input)
        json_string(&w->to, NULL, "-i");
    json_string(&w->to, NULL, "-u");
    json_string(&w->to, NULL, found->user.data);
    if (found->cwd >= 0) {
        cleanup_free char *text = walk_string(w, found->cwd, "process.cwd");
        if (!text)
            return -1;
        json_string(&w->to, NULL, "-w");
        walk_keep(w, NULL, found->cwd);
    }
    if (write_list(w, found->env, "process.env", "-e") < 0)
        return -1;
    json_string(&w->to, NULL, "--");
    if (write_list(w, found->args, "process.args", NULL) < 0)
        return -1;
    json_close(&w->to, ']');
    return 0;
}

static void write_own(struct walk *w)
{
    json_open(&w->to, "env", '[');
    json_string(&w->to, NULL, "PATH=" COMMAND_PATH);
    json_close(&w->to, ']');
    json_string(&w->to, "cwd", "/");
    json_open(&w->to, "user", '{');
    json_number(&w->to, "uid", 0);
    json_number(&w->to, "gid", 0);
    json_close(&w->to, '}');
    grants_no_capabilities(&w->to);
    json_bool(&w->to, "noNewPrivileges", true);
}

static int write_process(struct walk *w, bool input)
{
    static const struct member members[] = {{"terminal", FATE_TAKEN, NULL, take_terminal},
                                            {"consoleSize", FATE_KEPT, NULL, NULL},
                                            {"args", FATE_TAKEN, NULL, take_args},
                                            {"env", FATE_TAKEN, NULL, take_env},
                                            {"cwd", FATE_TAKEN, NULL, take_cwd},
                                            {"user", FATE_TAKEN, NULL, take_user},
                                            {"capabilities", FATE_OURS, NULL, NULL},
                                            {"apparmorProfile", FATE_OURS, NULL, NULL},
                                            {"rlimits", FATE_OURS, NULL, NULL},
                                            {"oomScoreAdj", FATE_OURS, NULL, NULL},
                                            {"noNewPrivileges", FATE_LOST, NULL, NULL},
                                            {"selinuxLabel", FATE_REFUSED, NULL, NULL},
                                            {"ioPriority", FATE_LOST, NULL, NULL},
                                            {"scheduler", FATE_LOST, NULL, NULL}};
    struct found *found = w->arg;
    if (!jsonread_is(w->json, 0, '{'))
        return err_set(w->err, "is not an object");
    json_open(&w->to, NULL, '{');
    int rc = walk_members(w, 0, "process", members, COUNT(members));
    if (rc == 0)
        rc = buf_failed(&found->user) ? err_set(w->err, "out of memory") : write_args(w, found, input);
    write_own(w);
    json_close(&w->to, '}');
    return rc;
}

int session_rewrite(const char *text, size_t len, bool input, struct buf *out, struct buf *warnings, struct err *err)
{
    struct jsonread json;
    struct err why = {0};
    if (jsonread_open(&json, text, len) < 0)
        return err_set(err, "the process is not JSON");
    struct found found = {.args = -1, .env = -1, .cwd = -1};
    struct walk w = {.json = &json, .to = {.out = out}, .warnings = warnings, .err = &why, .arg = &found};
    buf_str(&found.user, "0:0");
    int rc = write_process(&w, input);
    buf_free(&found.user);
    jsonread_close(&json);
    if (rc < 0)
        return err_set(err, "the process: %s", why.text);
    return buf_failed(out) || buf_failed(warnings) ? err_set(err, "out of memory") : 0;
}
