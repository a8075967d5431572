/* The container's ENTRYPOINT: runs a command in a microVM made of the container's tree, and behaves like that command.
 * This file is the program's outline: options -> plan -> the VM, which is made in stages (entry/stages.h). */
#include "common/begin.h"
#include "common/descriptors.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/loop.h"
#include "entry/kvm/kvm.h"
#include "entry/plan/fits.h"
#include "entry/plan/needs.h"
#include "entry/plan/options.h"
#include "entry/plan/plan.h"
#include "entry/plan/typos.h"
#include "entry/plan/unseen.h"
#include "entry/purge.h"
#include "entry/stages.h"

#include <stdio.h>
#include <unistd.h>

static int run_vm(struct options *options, struct err *err)
{
    uint64_t begun = loop_now();
    struct resources resources = resources_read();
    struct plan plan;
    struct refusals refused = {0};
    bool run = options->action == ACTION_RUN, started = false;
    if (run && needs_root(err) < 0)
        return -1;
    plan_make(options, &resources, &plan, &refused);
    int code = fits_check(&plan, &refused);
    if (code == 0)
        unseen_warn(options, &plan);
    refusals_log(&refused);
    refusals_free(&refused);
    if (code == 0 && !run)
        code = plan_print(&plan, stdout, err);
    else if (code == 0 && (code = needs_check(plan.network != NETWORK_NONE, err)) == 0) {
        code = stages_run(&plan, begun, err);
        started = true;
    }
    if (!started && run)
        stages_clear_dead();
    plan_free(&plan);
    return code;
}

static int check_kvm(void)
{
    enum kvm_state state = kvm_probe();
    printf("%s: %s\n", kvm_state_name(state), kvm_state_advice(state));
    return state == KVM_WORKS ? 0 : 1;
}

int main(int argc, char **argv, char **env)
{
    (void)argc;
    struct err err = {0};
    struct options options;
    log_init("ctr-jailer");
    /* Descriptors 0 to 2 must be open, or a disk would get one of their numbers.  Other descriptors that our parent
     * left open are closed: neither we nor our children need them. */
    int standard[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    descriptors_keep(standard, 3);
    descriptors_standard();

    if (begin(&err) < 0) {
        log_error("%s", err.text);
        return EXIT_OURS;
    }
    int code = options_read(&options, argv, env, &err);
    if (code == 0) {
        int level = log_level_parse(options.value[OPT_LOG_LEVEL]);
        log_set_level(level < 0 ? LOG_WARN : (enum log_level)level);
        switch (options.action) {
        case ACTION_HELP:
            options_help(stdout);
            break;
        case ACTION_VERSION:
            puts("ctr-jailer " CTR_VERSION);
            break;
        case ACTION_CHECK_KVM:
            code = check_kvm();
            break;
        case ACTION_PURGE:
            code = needs_root(&err) < 0 ? -1 : purge(&options, &err);
            break;
        case ACTION_RUN:
        case ACTION_DRY_RUN:
            typos_warn(env);
            code = run_vm(&options, &err);
        }
    }
    options_free(&options);
    if (code < 0 && err.text[0]) /* refusals are told already */
        log_error("%s", err.text);
    return code < 0 ? EXIT_OURS : code;
}
