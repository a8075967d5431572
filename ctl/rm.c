/* rm: removes the records of VMs in the background that have ended; -f: ends them first. */
#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "ctl/ctl.h"
#include "ctl/record.h"
#include "ctl/root.h"
#include "ctl/stop.h"

#include <string.h>

static int no_record(const char *id, struct err *err)
{
    if (errno == ENOENT)
        return err_set(err, "rm: %s: no VM in the background has that name (ctr-jailer ls -a lists them)", id);
    err_sys(err, "rm: %s: cannot remove its record", id);
    if (errno == EACCES || errno == EPERM)
        err_hint(err, "only root may");
    return -1;
}

int rm_record(const char *root, const char *id, bool force, struct err *err)
{
    struct record r;
    size_t len;
    if (record_open(&r, root, id) < 0)
        return no_record(id, err);
    cleanup_free char *state = ctl_state(id, &len); /* its keeper may have been killed */
    bool lives = state || record_lives(&r);
    if (force && lives) {
        (void)stop_first(id, 0, &(struct err){0});
        record_wait(&r);
    }
    record_close(&r);
    int gone = lives && !force ? 0 : record_remove(root, id);
    if (gone < 0 && !(force && errno == ENOENT)) /* with --rm it has gone by itself */
        return no_record(id, err);
    return gone == 0 ? err_set(err, "rm: %s: the VM is running: stop it first, or use rm -f", id) : 0;
}

int ctl_rm(const char *id, char **argv, struct err *err)
{
    cleanup_root struct root at = {0};
    bool force = false, failed = false;
    char **arg = argv + 1;
    for (; *arg && **arg == '-'; arg++)
        if (root_take(&at, &arg))
            continue;
        else if (strcmp(*arg, "-f") == 0 || strcmp(*arg, "--force") == 0)
            force = true;
        else
            break;
    if ((*arg && **arg == '-') || (!*arg && !id) || (*arg && id))
        return err_set(err, "rm: usage: rm [-f] ID...");
    const char *root = root_find(&at, PROFILE_CACHE, err);
    if (!root)
        return -1;
    if (id)
        return rm_record(root, id, force, err);
    for (; *arg; arg++) {
        struct err why = {0};
        if (rm_record(root, *arg, force, &why) < 0)
            log_error("%s", why.text);
        failed = failed || why.text[0];
    }
    return failed ? EXIT_OURS : 0;
}
