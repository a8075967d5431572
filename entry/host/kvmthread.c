#include "entry/host/kvmthread.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, PATH_LEN = 1024 };

/* The part that /proc/PID/comm showed before Linux 5.17. */
#define NAME "kvm-nx-lpage-re"

/* Where cgroup2 is mounted, whole as far as we see it (proc_pid_mountinfo(5)). */
static bool find_mount(char mount[256])
{
    char root[256];
    cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, NULL);
    char *rest = text;
    for (char *line; rest && (line = strsep(&rest, "\n"));)
        if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %255s %255s", root, mount) == 2 &&
            strcmp(root, "/") == 0)
            return true;
    return false;
}

/* The cgroup of a process below that mount, as cgroups(7) has it: "" or /PATH. */
static bool find_group(pid_t pid, char group[512])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, TEXT_MAX, NULL);
    const char *line = text ? strstr(text, "0::/") : NULL;
    if (!line || strncmp(line, "0::/..", 6) == 0)
        return false;
    snprintf(group, 512, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    if (strcmp(group, "/") == 0)
        *group = '\0';
    return true;
}

static bool is_kvms(const char *pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    cleanup_free char *name = io_read_file(AT_FDCWD, path, 4096, NULL);
    return name && strncmp(name, NAME, strlen(NAME)) == 0;
}

void kvmthread_move(pid_t firecracker)
{
    char mount[256], group[512], path[PATH_LEN], top[PATH_LEN];
    if (firecracker < 0 || !find_mount(mount) || !find_group(firecracker, group))
        return;
    /* Only the real root has no type; a container with its own cgroup namespace sees its own cgroup in its place. */
    snprintf(path, sizeof(path), "%s/cgroup.type", mount);
    bool is_root = access(path, F_OK) < 0;
    if (is_root && !*group)
        return;
    snprintf(path, sizeof(path), "%s%s/cgroup.procs", mount, group);
    snprintf(top, sizeof(top), "%s/cgroup.procs", mount);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, TEXT_MAX, NULL);
    char *rest = text;
    bool stays = false;
    for (char *pid; rest && (pid = strsep(&rest, "\n"));) {
        bool seen = strcmp(pid, "0") != 0; /* 0: of no process that this PID namespace has */
        if (!*pid || (seen && !is_kvms(pid)))
            continue;
        if (!seen || !is_root || io_write_text(top, pid) < 0)
            stays = true;
    }
    if (stays)
        log_info("a kernel thread of KVM stays in the container's cgroup, so docker pause would hang: "
                 "use ctr-jailer pause");
}
