/* kill, like firebuild's: stops the VM cleanly, then by force, and removes its record. */
#include "common/cleanup.h"
#include "common/io.h"
#include "common/process.h"
#include "ctl/args.h"
#include "ctl/ctl.h"
#include "ctl/record.h"
#include "ctl/root.h"
#include "ctl/stop.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

enum { SECONDS = 15 };

int stop_first(const char *id, uint64_t seconds, struct err *err)
{
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cannot create a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        int rc = stop_vm(id, seconds, err);
        _exit(rc < 0 && io_write_all(ends[1], err->text, strlen(err->text)) == 0);
    }
    close(ends[1]);
    cleanup_close int said = ends[0];
    char text[sizeof(err->text)] = "";
    if (pid < 0 || io_read_full(said, text, sizeof(text) - 1) < 0 || process_wait(pid, &status) < 0)
        return err_sys(err, "cannot start a process");
    return status == 0 ? 0 : err_set(err, "%s", text);
}

static int end(const char *root, const char *id, uint64_t seconds, struct err *err)
{
    struct record r;
    if (record_open(&r, root, id) < 0)
        return stop_vm(id, seconds, err);
    size_t len;
    cleanup_free char *state = ctl_state(id, &len); /* its keeper may have been killed */
    int rc = state || record_lives(&r) ? stop_first(id, seconds, err) : 0;
    if (rc == 0) {
        record_wait(&r);
        (void)record_remove(root, id); /* with --rm it has gone by itself */
    }
    record_close(&r);
    return rc;
}

int ctl_kill(const char *id, char **argv, struct err *err)
{
    uint64_t seconds = SECONDS;
    cleanup_root struct root at = {0};
    bool wrong = false;
    for (char **arg = argv + 1; *arg && !wrong; arg++) {
        const char *value;
        if ((value = args_value(&arg, "--vmm-id")))
            id = value;
        else if (root_take(&at, &arg))
            continue;
        else if ((value = args_value(&arg, "--shutdown-timeout")))
            wrong = args_seconds(value, &seconds) < 0;
        else if (**arg == '-' || id)
            wrong = true;
        else
            id = *arg;
    }
    if (wrong || !id || !*id)
        return err_set(err, "kill: usage: kill [--vmm-id] ID [--shutdown-timeout SECONDS]");
    const char *root = root_find(&at, PROFILE_CACHE, err);
    return root ? end(root, id, seconds, err) : -1;
}
