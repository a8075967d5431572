#include "oci/process.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "oci/environment.h"
#include "oci/grants.h"
#include "oci/identity.h"

struct found {
    int args, env, cwd;
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
    cleanup_free char *text = walk_string(w, item, "process.cwd");
    return !text ? -1 : text[0] == '/' ? 0 : err_set(w->err, "process.cwd: is not an absolute path");
}

static int take_user(struct walk *w, int item)
{
    struct found *found = w->arg;
    found->user.len = 0;
    return identity_take(w, item, &found->user);
}

static int write_args(struct walk *w, int args)
{
    int i = walk_array(w, args, "process.args");
    if (i < 0)
        return w->err->text[0] ? -1 : err_set(w->err, "process.args: the command is missing");
    json_open(&w->to, "args", '[');
    json_string(&w->to, NULL, "/usr/bin/entry");
    json_string(&w->to, NULL, "--");
    for (; i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *text = walk_string(w, i, "process.args");
        if (!text)
            return -1;
        walk_keep(w, NULL, i);
    }
    json_close(&w->to, ']');
    return 0;
}

static int write_all(struct walk *w, const struct found *found, const struct process_plan *plan)
{
    const struct environment_plan environment = {.conf = plan->conf,
                                                 .variables = found->env,
                                                 .annotations = plan->annotations,
                                                 .directory = found->cwd,
                                                 .readonly = plan->readonly,
                                                 .user = found->user.data,
                                                 .volumes = plan->volumes};
    if (found->cwd < 0)
        return err_set(w->err, "process.cwd: is missing");
    if (write_args(w, found->args) < 0 || environment_write(w, &environment) < 0)
        return -1;
    json_string(&w->to, "cwd", "/");
    json_open(&w->to, "user", '{');
    json_number(&w->to, "uid", 0);
    json_number(&w->to, "gid", 0);
    json_close(&w->to, '}');
    grants_capabilities(&w->to, plan->host_network);
    json_bool(&w->to, "noNewPrivileges", true);
    return 0;
}

/* The engine's capabilities, AppArmor and seccomp profiles are for a process of the host's kernel. */
int process_write(struct walk *w, int process, const struct process_plan *plan)
{
    static const struct member members[] = {{"terminal", FATE_KEPT, NULL, NULL},
                                            {"consoleSize", FATE_KEPT, NULL, NULL},
                                            {"rlimits", FATE_KEPT, NULL, NULL},
                                            {"oomScoreAdj", FATE_KEPT, NULL, NULL},
                                            {"args", FATE_TAKEN, NULL, take_args},
                                            {"env", FATE_TAKEN, NULL, take_env},
                                            {"cwd", FATE_TAKEN, NULL, take_cwd},
                                            {"user", FATE_TAKEN, NULL, take_user},
                                            {"capabilities", FATE_OURS, NULL, NULL},
                                            {"apparmorProfile", FATE_OURS, NULL, NULL},
                                            {"noNewPrivileges", FATE_LOST, NULL, NULL},
                                            {"selinuxLabel", FATE_REFUSED, ": use --security-opt label=disable", NULL},
                                            {"ioPriority", FATE_LOST, NULL, NULL},
                                            {"scheduler", FATE_LOST, NULL, NULL}};
    struct found found = {.args = -1, .env = -1, .cwd = -1};
    buf_str(&found.user, "0:0");
    json_open(&w->to, "process", '{');
    w->arg = &found;
    int rc = walk_members(w, process, "process", members, COUNT(members));
    if (rc == 0)
        rc = buf_failed(&found.user) ? err_set(w->err, "out of memory") : write_all(w, &found, plan);
    buf_free(&found.user);
    json_close(&w->to, '}');
    return rc;
}
