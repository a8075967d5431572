#include "guest-init/limits.h"

#include "common/array.h"
#include "common/io.h"
#include "common/limits.h"
#include "common/settings.h"
#include "guest-init/lists.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* The defaults of Docker's containers.  Files: a high hard limit for servers, and a soft limit of 1024 for programs
 * that use select(2) or close every descriptor that they could have.  Processes: the kernel's own limit depends on the
 * memory, and is a few hundred in a small VM.  Core files: none unless the command asks, because a crash loop would
 * fill the disk. */
static const struct {
    int resource;
    struct rlimit limit;
} usual[] = {
    {RLIMIT_NOFILE, {1024, 524288}},
    {RLIMIT_NPROC, {RLIM_INFINITY, RLIM_INFINITY}},
    {RLIMIT_CORE, {0, RLIM_INFINITY}},
};

static struct {
    struct rlimit limit;
    int resource;
} given[LIMITS_COUNT];
static size_t given_count;

static void set(int resource, struct rlimit limit)
{
    enum { NR_OPEN = 1048576 }; /* fs.nr_open, which no limit of files may exceed */
    if (setrlimit(resource, &limit) == 0 || errno != EPERM || resource != RLIMIT_NOFILE)
        return;
    limit.rlim_max = NR_OPEN;
    limit.rlim_cur = limit.rlim_cur < NR_OPEN ? limit.rlim_cur : NR_OPEN;
    setrlimit(resource, &limit);
}

static void set_sigpending(rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_SIGPENDING, &limit) < 0)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_SIGPENDING, &limit);
}

void limits_own(void)
{
    set_sigpending(256);
}

void limits_apply(void)
{
    set_sigpending(RLIM_INFINITY);
    for (size_t i = 0; i < COUNT(usual); i++)
        set(usual[i].resource, usual[i].limit);
    for (size_t i = 0; i < given_count; i++)
        set(given[i].resource, given[i].limit);
}

/* NAME=value, with dots and slashes as sysctl(8) has them: "net.ipv4.conf.eth0/1.arp_filter". */
static int set_sysctl(const char *setting)
{
    char path[256];
    const char *value = strchr(setting, '=');
    int n = snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(value - setting), setting);
    if (n >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return io_write_text(path, value + 1);
}

static void to_path(char *name)
{
    for (; *name && *name != '='; name++)
        if (*name == '.' || *name == '/')
            *name = *name == '.' ? '/' : '.';
}

static int set_wanted(const char *setting, struct err *err)
{
    char path[4096];
    if (!strchr(setting, '=') || snprintf(path, sizeof(path), "%s", setting) >= (int)sizeof(path))
        return err_set(err, "VM_SYSCTLS: a malformed setting");
    to_path(path);
    if (set_sysctl(path) == 0)
        return 0;
    if (errno == ENOENT)
        return err_set(err, "VM_SYSCTLS=%s: the guest's kernel has no such setting", setting);
    return err_sys(err, "VM_SYSCTLS=%s: the guest's kernel refuses it", setting);
}

static void resize_shm(const char *bytes)
{
    char options[64];
    snprintf(options, sizeof(options), "mode=1777,size=%.20s", bytes);
    (void)mount("tmpfs", "/dev/shm", NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options);
}

/* The container's settings first, so that those given for the guest win. */
int limits_take(char *const *settings, struct err *err)
{
    const char *value;
    for (char *const *s = settings; *s; s++) {
        const struct limits_row *row = NULL;
        if ((value = lists_value_of(*s, SETTING_LIMIT)) && given_count < LIMITS_COUNT &&
            (row = limits_parse(value, &given[given_count].limit)))
            given[given_count++].resource = row->resource;
        else if ((value = lists_value_of(*s, SETTING_SEEN_SYSCTL)) && strchr(value, '='))
            (void)set_sysctl(value); /* not every kernel has all of them */
        else if ((value = lists_value_of(*s, SETTING_SHM)))
            resize_shm(value);
    }
    for (char *const *s = settings; *s; s++)
        if ((value = lists_value_of(*s, SETTING_SYSCTL)) && set_wanted(value, err) < 0)
            return -1;
    return 0;
}
