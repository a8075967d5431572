/* ctr-jailer-oci: an OCI runtime in front of runc or crun.  `create` rewrites the bundle, `exec` the process, so that
 * both run in a VM; every other command goes to the base runtime as it is. */
#include "common/descriptors.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "oci/arguments.h"
#include "oci/bundle.h"
#include "oci/conf.h"
#include "oci/folder.h"
#include "oci/handon.h"
#include "oci/report.h"

#include <stdio.h>
#include <string.h>

static void usage(void)
{
    fputs("Usage: ctr-jailer-oci [--root DIR] [--log FILE] [--log-format json|text] [--systemd-cgroup] COMMAND ...\n\n"
          "An OCI runtime that runs each container in a microVM.  create, start, state, kill, delete, exec --process,\n"
          "ps, resume, update, events, list, features and spec are as in runc(8), which does the rest of their work.\n"
          "run, pause, checkpoint and restore are refused.\n\n" CONF_FILE " has the administrator's settings.\n",
          stdout);
}

/* A container that was not created leaves nothing behind. */
static int create(const struct arguments *a, const struct conf *c, struct folder *f, struct err *err)
{
    char bundle[PATH_MAX];
    if (folder_make(f, err) < 0)
        return -1;
    const struct handon with = {.bundle = bundle};
    int rc = bundle_make(a, c, f->path, bundle, err);
    if (rc == 0)
        rc = handon_run(a, c, &with, err);
    if (rc != 0 && f->made)
        folder_remove(f, err);
    return rc;
}

static int exec(const struct arguments *a, const struct conf *c, const struct folder *f, struct err *err)
{
    char process[PATH_MAX];
    if (!a->process)
        return err_set(err, "exec: --process FILE is missing: a command without it would run outside of the VM");
    if (!folder_is_there(f))
        return err_set(err, "exec: container %s does not exist", a->id);
    const struct handon with = {.process = process};
    return bundle_process(a, process, err) < 0 ? -1 : handon_become(a, c, &with, err);
}

static int delete (const struct arguments *a, const struct conf *c, const struct folder *f, struct err *err)
{
    const struct handon with = {0};
    int rc = handon_run(a, c, &with, err);
    return rc == 0 && folder_is_there(f) ? folder_remove(f, err) : rc;
}

static int run(const struct arguments *a, struct err *err)
{
    struct conf conf;
    struct folder folder = {0};
    const struct handon nothing = {0};
    if (a->verb == VERB_REFUSE)
        return err_set(err, "%s: %s", a->name, a->refusal);
    int rc = conf_read(&conf, err);
    if (rc == 0 && a->id)
        rc = folder_find(&folder, conf.state, a->root, a->id, err);
    if (rc == 0)
        rc = a->verb == VERB_CREATE   ? create(a, &conf, &folder, err)
             : a->verb == VERB_EXEC   ? exec(a, &conf, &folder, err)
             : a->verb == VERB_DELETE ? delete (a, &conf, &folder, err)
                                      : handon_become(a, &conf, &nothing, err);
    conf_free(&conf);
    return rc;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct arguments a;
    struct err err = {0};
    log_init("ctr-jailer-oci");
    descriptors_standard();
    int rc = arguments_read(&a, (const char *const *)argv, &err);
    if (rc == 0 && a.verb == VERB_HELP) {
        usage();
        return 0;
    }
    if (rc == 0 && a.verb == VERB_VERSION) {
        puts("ctr-jailer-oci version " CTR_VERSION "\nspec: 1.0.2");
        return 0;
    }
    rc = rc < 0 ? rc : run(&a, &err);
    if (rc < 0)
        report(&a, REPORT_ERROR, err.text);
    return rc < 0 ? EXIT_OURS : rc;
}
