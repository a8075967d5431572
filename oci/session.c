#include "oci/session.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/settings.h"
#include "oci/grants.h"
#include "oci/identity.h"
#include "oci/walk.h"

#include <string.h>

struct found {
    int args, env, cwd, user, terminal;
};

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
    bool terminal = jsonread_is(w->json, found->terminal, 't');
    cleanup_buf struct buf user = {0};
    if (identity_write(w, found->user, &user) < 0)
        return -1;
    if (walk_array(w, found->args, "process.args") < 0)
        return w->err->text[0] ? -1 : err_set(w->err, "process.args: the command is missing");
    json_open(&w->to, "args", '[');
    json_string(&w->to, NULL, "/usr/bin/ctr-jailer");
    json_string(&w->to, NULL, "exec");
    if (terminal)
        json_string(&w->to, NULL, "-t");
    if (terminal || input)
        json_string(&w->to, NULL, "-i");
    json_string(&w->to, NULL, "-u");
    json_string(&w->to, NULL, user.data);
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
    grants_process(&w->to, GRANTS_NOTHING);
}

static int write_process(struct walk *w, const void *input)
{
    static const struct member members[] = {{"terminal", FATE_NOTED, NULL, NULL, offsetof(struct found, terminal)},
                                            {"consoleSize", FATE_KEPT, NULL, NULL, 0},
                                            {"args", FATE_NOTED, NULL, NULL, offsetof(struct found, args)},
                                            {"env", FATE_NOTED, NULL, NULL, offsetof(struct found, env)},
                                            {"cwd", FATE_NOTED, NULL, NULL, offsetof(struct found, cwd)},
                                            {"user", FATE_NOTED, NULL, NULL, offsetof(struct found, user)},
                                            {"capabilities", FATE_OURS, NULL, NULL, 0},
                                            {"apparmorProfile", FATE_OURS, NULL, NULL, 0},
                                            {"rlimits", FATE_OURS, NULL, NULL, 0},
                                            {"oomScoreAdj", FATE_OURS, NULL, NULL, 0},
                                            {"noNewPrivileges", FATE_LOST, NULL, NULL, 0},
                                            {"selinuxLabel", FATE_REFUSED, NULL, NULL, 0},
                                            {"ioPriority", FATE_LOST, NULL, NULL, 0},
                                            {"scheduler", FATE_LOST, NULL, NULL, 0}};
    struct found found = {-1, -1, -1, -1, -1};
    w->arg = &found;
    if (walk_members(w, 0, "process", members, COUNT(members)) < 0)
        return -1;
    if (found.terminal >= 0)
        walk_keep(w, "terminal", found.terminal);
    if (write_args(w, &found, *(const bool *)input) < 0)
        return -1;
    write_own(w);
    return 0;
}

int session_rewrite(const char *text, size_t len, bool input, struct buf *out, struct buf *warnings, struct err *err)
{
    return walk_text("the process", text, len, write_process, &input, out, warnings, err);
}
