/* PID 1 of the guest, /sbin/init of the initramfs: brings up what the command needs, runs it, tells entry
 * how it ended, and ends the VM.  It never returns and never exits: whatever fails is reported, to entry
 * when it can be reached and on the console always, and the VM ends. */
#include "common/settings.h"
#include "guest-init/command.h"
#include "guest-init/host.h"
#include "guest-init/lists.h"
#include "guest-init/modules.h"
#include "guest-init/mounts.h"
#include "guest-init/net.h"
#include "guest-init/serve.h"

#include <signal.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

enum { DEFAULTS = 3 }; /* variables that command_defaults may add */

static int boot(int *control, char ***command, char ***env, struct err *err)
{
    if (mounts_early(err) < 0 || modules_load(err) < 0 || (*control = host_connect(PROTO_CONTROL, 0, err)) < 0)
        return -1;
    char **settings = lists_take(SETTINGS_FILE, 0, err);
    if (!settings || !(*command = lists_take(SETTINGS_COMMAND, 0, err)) ||
        !(*env = lists_take(SETTINGS_ENVIRONMENT, DEFAULTS, err)))
        return -1;
    if (net_up(settings, err) < 0 || mounts_root(settings, err) < 0)
        return -1;
    command_defaults(*env);
    return 0;
}

int main(void)
{
    struct err err = {0};
    int control = -1;
    char **command = NULL, **env = NULL;
    signal(SIGPIPE, SIG_IGN);
    if (boot(&control, &command, &env, &err) == 0) {
        serve(control, command, env);
    } else {
        dprintf(STDERR_FILENO, "init: %s\n", err.text);
        if (control >= 0)
            serve_failure(control, &err);
    }
    mounts_end();
    /* On x86 a reboot ends the VM (boot parameter reboot=k), on arm64 either does. */
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}
