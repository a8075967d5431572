/* PID 1 of the guest, /sbin/init of the initramfs: brings up what the command needs, runs it, tells entry
 * how it ended, and ends the VM.  It never returns and never exits: whatever fails is reported, to entry
 * when it can be reached and on the console always, and the VM ends. */
#include "common/loop.h"
#include "common/settings.h"
#include "guest-init/clock.h"
#include "guest-init/disks.h"
#include "guest-init/host.h"
#include "guest-init/limits.h"
#include "guest-init/lists.h"
#include "guest-init/modules.h"
#include "guest-init/mounts.h"
#include "guest-init/net.h"
#include "guest-init/serve.h"
#include "guest-init/settings.h"
#include "guest-init/shares.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void make_plan(const struct settings *s, struct serve_plan *plan)
{
    char *const *settings = s->list;
    plan->command.argv = s->command;
    plan->command.env = s->environment;
    plan->command.user = or_empty(lists_value(settings, SETTING_USER));
    plan->command.directory = or_empty(lists_value(settings, SETTING_WORKDIR));
    plan->command.program = plan->command.mounts = -1;
    plan->command.pid1 = lists_value(settings, SETTING_INIT) != NULL;
    plan->command.first = !plan->command.pid1;
    const char *tty = lists_value(settings, SETTING_TTY);
    plan->command.tty = tty && sscanf(tty, "%ux%u", &plan->rows, &plan->columns) == 2;
}

/* Connects to entry and receives this guest's settings.  Everything before this is the same for all guests. */
static int meet_host(int *control, struct settings *s, struct err *err)
{
    uint64_t asked = loop_now();
    if ((*control = host_connect(PROTO_CONTROL, 0, err)) < 0 || settings_receive(*control, s, err) < 0)
        return -1;
    clock_told(s->time, asked);
    return 0;
}

/* The container's working directory is the command's if the image or a disk has that directory. */
static const char *default_directory(char *const *settings)
{
    const char *directory = or_empty(lists_value(settings, SETTING_WORKDIR_DEFAULT));
    struct stat st;
    return stat(directory, &st) == 0 && S_ISDIR(st.st_mode) ? directory : "";
}

/* In the order of depth, so that no mount hides one inside of it. */
static int mount_rest(char *const *settings, struct err *err)
{
    unsigned deepest = disks_deepest(settings);
    for (unsigned depth = 1; depth <= deepest || depth <= MOUNTS_DEEPEST; depth++)
        if (mounts_own(settings, depth, err) < 0 || disks_mount(settings, depth, err) < 0)
            return -1;
    return 0;
}

static int boot(int *control, struct serve_plan *plan, struct err *err)
{
    struct settings s; /* never freed: it holds the commands' strings */
    if (mounts_early(err) < 0 || modules_load(err) < 0 || meet_host(control, &s, err) < 0)
        return -1;
    char *const *settings = s.list;
    make_plan(&s, plan);
    plan->busybox = open("/bin/busybox", O_RDONLY | O_CLOEXEC); /* the initramfs's own; execs may want a shell */
    if (net_up(settings, err) < 0)
        return -1;
    if (mounts_root(settings, err) < 0 || mount_rest(settings, err) < 0 || mounts_protect(settings, err) < 0)
        return -1;
    plan->spared = shares_any() ? shares_is_relay : NULL;
    if (!*plan->command.directory)
        plan->command.directory = default_directory(settings);
    return limits_take(settings, err);
}

int main(void)
{
    struct err err = {0};
    struct serve_plan plan = {.busybox = -1, .begun = loop_now()};
    int control = -1;
    signal(SIGPIPE, SIG_IGN);
    if (boot(&control, &plan, &err) == 0) {
        serve(control, &plan);
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
