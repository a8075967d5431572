/* purge: the records of VMs in the background that have ended, whatever ended them, and then what else dead VMs have
 * left, which entry knows how to remove.  A record goes only if nobody has its lock and no VM of its name answers, so
 * neither a pid that was used again nor a reboot matters.  Prints the names. */
#include "common/cleanup.h"
#include "common/log.h"
#include "common/run.h"
#include "ctl/args.h"
#include "ctl/ctl.h"
#include "ctl/record.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct purge {
    const char *root;
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

int ctl_purge(const char *id, char **argv, struct err *err)
{
    char entry[4096];
    struct purge p = {.root = STORE_ROOT};
    bool wrong = id;
    for (char **arg = argv + 1; *arg && !wrong; arg++) {
        const char *value = args_value(&arg, "--root");
        p.root = value ? value : p.root;
        wrong = !value;
    }
    if (wrong)
        return err_set(err, "purge: usage: purge [--root DIR]");
    if (!run_find("entry", entry, sizeof(entry)))
        return err_set(err, "purge: the program entry was not found");
    if (record_list(p.root, false, remove_one, &p) < 0 || record_list(p.root, true, remove_one, &p) < 0)
        return err_sys(err, "purge: cannot read the records in %s/vms", p.root);
    fflush(stdout);
    if (p.failed)
        return 125;
    execl(entry, "entry", "--purge", (char *)NULL);
    return err_sys(err, "cannot run %s", entry);
}
