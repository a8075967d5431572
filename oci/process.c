#include "oci/process.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "oci/environment.h"
#include "oci/grants.h"
#include "oci/identity.h"

struct found {
    int args, env, cwd, user;
};

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
    cleanup_buf struct buf user = {0};
    if (found->cwd < 0)
        return err_set(w->err, "process.cwd: is missing");
    cleanup_free char *cwd = walk_string(w, found->cwd, "process.cwd");
    if (!cwd)
        return -1;
    if (cwd[0] != '/')
        return err_set(w->err, "process.cwd: is not an absolute path");
    if (identity_write(w, found->user, &user) < 0)
        return -1;
    const struct environment_plan environment = {.conf = plan->conf,
                                                 .variables = found->env,
                                                 .annotations = plan->annotations,
                                                 .directory = found->cwd,
                                                 .readonly = plan->readonly,
                                                 .user = user.data,
                                                 .volumes = plan->volumes};
    if (write_args(w, found->args) < 0 || environment_write(w, &environment) < 0)
        return -1;
    grants_process(&w->to, plan->host_network ? GRANTS_ENTRY_ON_HOST : GRANTS_ENTRY);
    return 0;
}

/* The engine's capabilities, AppArmor and seccomp profiles are for a process of the host's kernel. */
int process_write(struct walk *w, int process, const struct process_plan *plan)
{
    static const struct member members[] = {
        {"terminal", FATE_KEPT, NULL, NULL, 0},
        {"consoleSize", FATE_KEPT, NULL, NULL, 0},
        {"rlimits", FATE_KEPT, NULL, NULL, 0},
        {"oomScoreAdj", FATE_KEPT, NULL, NULL, 0},
        {"args", FATE_NOTED, NULL, NULL, offsetof(struct found, args)},
        {"env", FATE_NOTED, NULL, NULL, offsetof(struct found, env)},
        {"cwd", FATE_NOTED, NULL, NULL, offsetof(struct found, cwd)},
        {"user", FATE_NOTED, NULL, NULL, offsetof(struct found, user)},
        {"capabilities", FATE_OURS, NULL, NULL, 0},
        {"apparmorProfile", FATE_OURS, NULL, NULL, 0},
        {"noNewPrivileges", FATE_LOST, NULL, NULL, 0},
        {"selinuxLabel", FATE_REFUSED, ": use --security-opt label=disable", NULL, 0},
        {"ioPriority", FATE_LOST, NULL, NULL, 0},
        {"scheduler", FATE_LOST, NULL, NULL, 0}};
    struct found found = {-1, -1, -1, -1};
    w->arg = &found;
    json_open(&w->to, "process", '{');
    int rc = walk_members(w, process, "process", members, COUNT(members));
    if (rc == 0)
        rc = write_all(w, &found, plan);
    json_close(&w->to, '}');
    return rc;
}
