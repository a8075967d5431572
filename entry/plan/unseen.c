#include "entry/plan/unseen.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/mountinfo.h"
#include "entry/plan/below.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 4 << 20 };

/* Mounts that Docker (also for docker run --init), Podman, containerd and Kubernetes make in every container. */
static bool is_engines(const struct mountinfo *m)
{
    static const char *const places[] = {"/proc",
                                         "/sys",
                                         "/dev",
                                         "/etc/resolv.conf",
                                         "/etc/hostname",
                                         "/etc/hosts",
                                         "/.dockerenv",
                                         "/run/.containerenv",
                                         "/run/netns",
                                         "/sbin/docker-init",
                                         "/usr/sbin/docker-init",
                                         "/run/secrets/kubernetes.io",
                                         "/var/run/secrets/kubernetes.io"};
    for (size_t i = 0; i < COUNT(places); i++)
        if (below(m->point, places[i]))
            return true;
    if (mountinfo_is_kernels(m))
        return true;
    /* The container's root, and --tmpfs; a secret of Swarm is one file of a tmpfs. */
    return strcmp(m->point, "/") == 0 || (strcmp(m->type, "tmpfs") == 0 && strcmp(m->root, "/") == 0);
}

/* Whether an option has it: the tree, the data disk's volume, a kernel of one's own, what VM_VOLUMES carries. */
static bool is_used(const char *point, const struct options *o, const struct plan *plan)
{
    static const enum option paths[] = {OPT_ROOTFS_DIR,   OPT_DATA_DIR,     OPT_SCRATCH_DIR,     OPT_JAIL_BASE,
                                        OPT_KERNEL_IMAGE, OPT_INITRD_IMAGE, OPT_FIRECRACKER_BIN, OPT_JAILER_BIN};
    for (size_t i = 0; i < COUNT(paths); i++)
        if (below(o->value[paths[i]], point) || below(point, o->value[paths[i]]))
            return true;
    for (unsigned i = 0; i < plan->drives.volume_count; i++)
        if (below(plan->drives.volume[i].source, point) || below(point, plan->drives.volume[i].source))
            return true;
    return false;
}

void unseen_find(char *mountinfo, const struct options *o, const struct plan *plan, struct buf *places)
{
    const char *last = NULL; /* carries what is mounted below it */
    for (struct mountinfo m; mountinfo_next(&mountinfo, &m);) {
        if (is_engines(&m) || is_used(m.point, o, plan) || (last && below(m.point, last)))
            continue;
        buf_add(places, m.point, strlen(m.point) + 1);
        last = m.point;
    }
}

/* Whether this process is the one that a container was made for: its PID 1, or the process that docker run --init
 * starts.  A container is recognised by its overlay root, or by the file that Docker or Podman puts there. */
static bool is_containers(const char *mountinfo)
{
    if (getpid() != 1 && getppid() != 1)
        return false;
    const char *line = strstr(mountinfo, " / / ");
    size_t len = line ? strcspn(line, "\n") : 0;
    return (line && memmem(line, len, " - overlay ", 11)) || access("/.dockerenv", F_OK) == 0 ||
           access("/run/.containerenv", F_OK) == 0;
}

/* As VM_VOLUMES takes it: a comma, a colon and a backslash need one before them. */
static void add_path(struct buf *out, const char *path)
{
    for (; *path; path++) {
        if (strchr(",:\\", *path))
            buf_str(out, "\\");
        buf_add(out, path, 1);
    }
}

static void add_entry(struct buf *out, const char *path)
{
    buf_str(out, out->len ? "," : "VM_VOLUMES=");
    add_path(out, path);
    buf_str(out, ":");
    add_path(out, path);
    buf_str(out, ":ro");
}

void unseen_warn(const struct options *o, const struct plan *plan)
{
    cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, NULL);
    cleanup_buf struct buf places = {0}, names = {0}, volumes = {0};
    if (!text || !is_containers(text))
        return;
    unseen_find(text, o, plan, &places);
    for (size_t at = 0; at < places.len; at += strlen(places.data + at) + 1) {
        const char *place = places.data + at;
        struct stat st;
        buf_fmt(&names, "%s%s", at ? ", " : "", place);
        if (stat(place, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))) /* no volume is a socket */
            add_entry(&volumes, place);
    }
    if (places.len == 0 || buf_failed(&names) || buf_failed(&volumes))
        return;
    log_warn("mounted in the container, but not in the guest: %.800s%s%.1000s%s", names.data, volumes.len ? " (" : "",
             volumes.len ? volumes.data : "", volumes.len ? " carries that)" : "");
}
