/* purge: the records of VMs in the background that have ended, whatever ended them, and then what else dead VMs have
 * left: on CNI networks, and what entry knows how to remove.  A record goes only if nobody has its lock and no VM of
 * its name answers, so neither a pid that was used again nor a reboot matters.  Prints the names.  A step that fails is
 * told, and the next one is taken all the same. */
#include "common/array.h"
#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/process.h"
#include "common/run.h"
#include "ctl/args.h"
#include "ctl/cninet.h"
#include "ctl/ctl.h"
#include "ctl/record.h"
#include "ctl/root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct purge {
    struct root at;
    const char *root; /* owned by at */
    bool failed;
};

static void remove_one(void *arg, const char *name)
{
    struct purge *p = arg;
    size_t len;
    cleanup_free char *state = ctl_state(name, &len);
    int gone = state ? 0 : record_remove(p->root, name); /* its keeper was killed, and it runs */
    if (gone > 0)
        printf("%s\n", name);
    if (gone < 0 && errno != ENOENT) {
        log_error("purge: %s: cannot remove its record: %s", name, strerror(errno));
        p->failed = true;
    }
}

static int take_flags(char **arg, struct purge *p, struct cninet *net)
{
    for (; *arg; arg++) {
        const struct {
            const char *name, **to;
        } flags[] = {
            {"--cni-cache-dir", &net->cache}, {"--cni-bin-dir", &net->plugins}, {"--cni-conf-dir", &net->networks}};
        if (root_take(&p->at, &arg))
            continue;
        const char *value = NULL;
        for (size_t i = 0; i < COUNT(flags) && !value; i++)
            if ((value = args_value(&arg, flags[i].name)))
                *flags[i].to = value;
        if (!value)
            return -1;
    }
    return 0;
}

/* Entry looks for what dead VMs left where their jails are. */
static int set_jails(const struct purge *p, struct err *err)
{
    const char *base = p->at.values.values[PROFILE_CHROOT];
    return base && setenv("VM_JAIL_BASE", base, false) < 0 ? err_sys(err, "cannot set VM_JAIL_BASE") : 0;
}

/* entry's exit status; -1 with err. */
static int run_entry(const char *entry, struct err *err)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execl(entry, "entry", "--purge", (char *)NULL);
        log_error("cannot run %s: %s", entry, strerror(errno));
        _exit(EXIT_OURS);
    }
    if (pid < 0 || process_wait(pid, &status) < 0)
        return err_sys(err, "cannot start a process");
    return WIFEXITED(status) ? WEXITSTATUS(status)
                             : err_set(err, "purge: entry was killed by signal %d", WTERMSIG(status));
}

int ctl_purge(const char *id, char **argv, struct err *err)
{
    char entry[4096];
    struct purge p = {.root = NULL};
    struct cninet net = {.network = NULL};
    if (id || take_flags(argv + 1, &p, &net) < 0)
        return err_set(
            err, "purge: usage: purge [--root DIR] [--cni-cache-dir DIR] [--cni-bin-dir DIR] [--cni-conf-dir DIR]");
    if (!run_find("entry", entry, sizeof(entry)))
        return err_set(err, "purge: the program entry was not found");
    p.root = root_find(&p.at, PROFILE_CACHE, err);
    if (!p.root || set_jails(&p, err) < 0)
        return -1;
    if (record_list(p.root, false, remove_one, &p) < 0 || record_list(p.root, true, remove_one, &p) < 0) {
        log_error("purge: cannot read the records in %s/vms: %s", p.root, strerror(errno));
        p.failed = true;
    }
    fflush(stdout);
    if (cninet_purge(&net) < 0)
        p.failed = true;
    int status = run_entry(entry, err);
    return status == 0 && p.failed ? EXIT_OURS : status;
}
