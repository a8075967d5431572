#include "oci/handon.h"

#include "common/array.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/process.h"
#include "common/run.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int find_base(const struct conf *c, char path[PATH_MAX], struct err *err)
{
    static const char *const bases[] = {"runc", "crun"};
    if (c->base) {
        snprintf(path, PATH_MAX, "%s", c->base);
        return 0;
    }
    for (size_t i = 0; i < COUNT(bases); i++)
        if (run_find(bases[i], path, PATH_MAX))
            return 0;
    return err_set(err, "neither runc nor crun was found: install one, or set OCI_BASE in " CONF_FILE);
}

/* One argument of the base's: the flag and its value, where argv has them, or in front of everything that follows the
 * command. */
static char *flag_with(const char *flag, const char *value)
{
    size_t size = strlen(flag) + strlen(value) + 2;
    char *both = malloc(size);
    if (both)
        snprintf(both, size, "%s=%s", flag, value);
    return both;
}

/* The pieces live as long as this process. */
static char **make_argv(const struct arguments *a, const char *base, const struct handon *with)
{
    size_t count = 0, n = 0;
    while (a->argv[count])
        count++;
    char **argv = calloc(count + 4, sizeof(*argv));
    if (!argv)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const int at = (int)i;
        bool bundle = with->bundle && at == a->bundle_at, process = with->process && at == a->process_at;
        bool alone = a->argv[i] == a->bundle || a->argv[i] == a->process; /* the flag is in the argument before */
        const char *value = bundle ? with->bundle : with->process;
        if (bundle || process)
            argv[n++] = alone ? (char *)value : flag_with(bundle ? "--bundle" : "--process", value);
        else
            argv[n++] = (char *)(i == 0 ? base : a->argv[i]);
        if (at == a->verb_at && with->bundle && a->bundle_at < 0)
            argv[n++] = flag_with("--bundle", with->bundle);
    }
    for (size_t i = 0; i < n; i++)
        if (!argv[i])
            return NULL;
    return argv;
}

int handon_become(const struct arguments *a, const struct conf *c, const struct handon *with, struct err *err)
{
    char base[PATH_MAX];
    if (find_base(c, base, err) < 0)
        return -1;
    char **argv = make_argv(a, base, with);
    if (!argv)
        return err_set(err, "out of memory");
    execv(base, argv);
    return err_sys(err, "cannot run %s", base);
}

int handon_run(const struct arguments *a, const struct conf *c, const struct handon *with, struct err *err)
{
    int status;
    pid_t self = getpid(), pid = fork();
    if (pid == 0) {
        struct err why = {0};
        process_end_with(self);
        handon_become(a, c, with, &why);
        log_error("%s", why.text);
        _exit(EXIT_OURS);
    }
    if (pid < 0 || process_wait(pid, &status) < 0)
        return err_sys(err, "cannot start a process");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
