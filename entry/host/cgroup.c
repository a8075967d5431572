/* Where a controller is: v2 has one hierarchy, and its mount is the first in the list, as for the jailer; v1 has a
 * hierarchy for each controller, or for a few together.  Our cgroup's directory is the mount point plus the part of the
 * path in /proc/self/cgroup that follows the mount's own root (cgroups(7)). */
#include "entry/host/cgroup.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "entry/host/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* Two siblings in the cgroup that we are in: the parent of the VMs' cgroups, and the cgroup for all other processes. */
#define PARENT "ctr-jailer"
#define LEAF "/ctr-jailer-entry"

enum { TEXT_MAX = 1 << 20, HIERARCHIES = 24 };

struct hierarchy {
    bool v2;
    char mount[256];
    char relative[512];     /* "" or /PATH: ours, below the mount */
    char controllers[256];  /* v1: the mount's options */
    char dir[LOCKDIR_PATH]; /* ours: mount and relative */
};

int cgroup_parse(const char *text, struct cgroup_plan *plan)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    static const char space[] = " \t\n";
    for (text += strspn(text, space); *text; text += strspn(text, space)) {
        size_t len = strcspn(text, space), file = strspn(text, name), used = 0;
        bool starts = memchr(text, '=', len);
        if (starts && (plan->count == CGROUP_SETTINGS || text[file] != '=' || file + 1 == len || *text == '.' ||
                       !memchr(text, '.', file) || memchr(text + file + 1, '=', len - file - 1)))
            return -1;
        if (!starts && plan->count == 0)
            return -1;
        plan->count += starts;
        char *setting = plan->settings[plan->count - 1];
        used = strlen(setting);
        if (used + 1 + len >= CGROUP_SETTING)
            return -1;
        snprintf(setting + used, CGROUP_SETTING - used, "%s%.*s", starts ? "" : " ", (int)len, text);
        text += len;
    }
    return 0;
}

const char *cgroup_value(const struct cgroup_plan *plan, const char *file)
{
    size_t len = strlen(file);
    for (unsigned i = 0; i < plan->count; i++)
        if (strncmp(plan->settings[i], file, len) == 0 && plan->settings[i][len] == '=')
            return plan->settings[i] + len + 1;
    return NULL;
}

/* Whether list, of words with spaces or commas between them, has the first len bytes of word. */
static bool has_word(const char *list, const char *word, size_t len)
{
    for (const char *w = list; *w;) {
        size_t n = strcspn(w, " ,\n");
        if (n == len && memcmp(w, word, n) == 0)
            return true;
        w += n + (w[n] != '\0');
    }
    return false;
}

/* Our path in the hierarchy by /proc/self/cgroup, whose lines are N:CONTROLLERS:/PATH; v2 has no controllers there. */
static void our_path(const char *groups, const struct hierarchy *h, char *path, size_t size)
{
    *path = '\0';
    for (const char *line = groups; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *list = strchr(line, ':'), *end = list ? strchr(list + 1, ':') : NULL;
        char controllers[256];
        if (!end)
            return;
        snprintf(controllers, sizeof(controllers), "%.*s", (int)(end - list - 1), list + 1);
        size_t first = strcspn(controllers, ",");
        if (h->v2 ? strncmp(line, "0::", 3) == 0 : first > 0 && has_word(h->controllers, controllers, first))
            snprintf(path, size, "%.*s", (int)strcspn(end + 1, "\n"), end + 1);
    }
}

/* One line of mountinfo (proc_pid_mountinfo(5)); false if it is not a cgroup mount. */
static bool parse_mount(char *line, const char *groups, struct hierarchy *h)
{
    char root[512], type[32], path[512];
    const char *rest = strstr(line, " - ");
    *h = (struct hierarchy){0};
    if (!rest || sscanf(line, "%*s %*s %*s %511s %255s", root, h->mount) != 2 ||
        sscanf(rest, " - %31s %*s %255s", type, h->controllers) != 2 || strncmp(type, "cgroup", 6) != 0)
        return false;
    h->v2 = strcmp(type, "cgroup2") == 0;
    our_path(groups, h, path, sizeof(path));
    size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
    bool below = strncmp(path, root, skip) == 0 && strncmp(path, "/..", 3) != 0;
    if (below && strcmp(path + skip, "/") != 0)
        snprintf(h->relative, sizeof(h->relative), "%s", path + skip);
    /* An earlier entry has moved itself, its shell, or all of the container there. */
    size_t len = strlen(h->relative), leaf = strlen(LEAF);
    if (h->v2 && len >= leaf && strcmp(h->relative + len - leaf, LEAF) == 0)
        h->relative[len - leaf] = '\0';
    snprintf(h->dir, sizeof(h->dir), "%s%s", h->mount, h->relative);
    return true;
}

static unsigned find_hierarchies(struct hierarchy list[HIERARCHIES])
{
    unsigned count = 0;
    bool v2 = false;
    cleanup_free char *mounts = io_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, NULL);
    cleanup_free char *groups = io_read_file(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, NULL);
    for (char *line = mounts, *next; line && *line && groups && count < HIERARCHIES; line = next) {
        next = strchrnul(line, '\n');
        if (*next)
            *next++ = '\0';
        if (!parse_mount(line, groups, &list[count]) || (v2 && list[count].v2))
            continue;
        v2 = v2 || list[count].v2;
        count++;
    }
    return count;
}

/* What cgroup.controllers of v2 says, or the v1 mount's options. */
static void read_controllers(struct hierarchy *h)
{
    if (!h->v2)
        return;
    char path[LOCKDIR_PATH + 32];
    snprintf(path, sizeof(path), "%s/cgroup.controllers", h->dir);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, sizeof(h->controllers) - 1, NULL);
    snprintf(h->controllers, sizeof(h->controllers), "%s", text ? text : "");
    h->controllers[strcspn(h->controllers, "\n")] = '\0';
}

static int write_file(const char *dir, const char *file, const char *text)
{
    char path[2 * LOCKDIR_PATH];
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    return io_write_text(path, text);
}

/* Moves the processes of from, all or only this one.  0, or -1 with errno. */
static int move(const char *from, const char *to, bool all)
{
    char path[LOCKDIR_PATH + 32];
    snprintf(path, sizeof(path), "%s/cgroup.procs", from);
    if (write_file(to, "cgroup.procs", "0") < 0) /* the writer itself */
        return -1;
    cleanup_free char *text = all ? io_read_file(AT_FDCWD, path, TEXT_MAX, NULL) : NULL;
    for (char *pid = text, *end; pid && *pid; pid = end + 1) {
        end = strchr(pid, '\n');
        if (!end)
            break;
        *end = '\0';
        (void)write_file(to, "cgroup.procs", pid); /* it may have ended */
    }
    return 0;
}

/* Empties the cgroup: a v2 cgroup with processes in it cannot enable controllers for its children, except for the root
 * of the hierarchy, which has no cgroup.type. */
static int leave(const struct hierarchy *h, struct err *err)
{
    char path[LOCKDIR_PATH + 64];
    snprintf(path, sizeof(path), "%s/cgroup.type", h->dir);
    if (!h->v2 || access(path, F_OK) < 0)
        return 0;
    snprintf(path, sizeof(path), "%s" LEAF, h->dir);
    if ((mkdir(path, 0755) < 0 && errno != EEXIST) || move(h->dir, path, !h->relative[0]) < 0) {
        err_sys(err, "VM_CGROUP: cannot move to %s", path);
        err_hint(err, errno == EROFS ? "the container sees its cgroups read-only: run it privileged"
                                     : "as a service, it needs Delegate=yes");
        return -1;
    }
    return 0;
}

/* Enables a controller for the children of dir. */
static int enable(const char *dir, const char *controller, struct err *err)
{
    char text[64];
    snprintf(text, sizeof(text), "+%s", controller);
    if (write_file(dir, "cgroup.subtree_control", text) == 0)
        return 0;
    err_sys(err, "VM_CGROUP: cannot enable %s for the children of %s", controller, dir);
    err_hint(err, errno == EBUSY ? "other processes are in that cgroup: start entry as a container, or as a service "
                                   "with Delegate=yes"
                                 : "the cgroup must be delegated to entry");
    return -1;
}

/* The VM's folder in h, unless an earlier setting has made it. */
static int make_folder(const struct hierarchy *h, const char *id, struct cgroup *c, struct err *err)
{
    struct lockdir *d = &c->dirs[c->count];
    int n = snprintf(d->path, sizeof(d->path), "%s/" PARENT "/%s", h->dir, id);
    for (unsigned i = 0; i < c->count; i++)
        if (strcmp(c->dirs[i].path, d->path) == 0)
            return 0;
    d->lock = -1;
    if (n >= LOCKDIR_PATH || lockdir_make(d) < 0) {
        err_sys(err, "VM_CGROUP: cannot create %s", d->path);
        err_hint(err, errno == EROFS ? "the container sees its cgroups read-only: run it privileged"
                                     : "the cgroup must be delegated to entry");
        return -1;
    }
    c->count++;
    return 0;
}

/* The hierarchy of a setting's controller; NULL with err. */
static const struct hierarchy *find_controller(const char *setting, const struct hierarchy *list, unsigned count,
                                               char controller[CGROUP_SETTING], struct err *err)
{
    snprintf(controller, CGROUP_SETTING, "%.*s", (int)strcspn(setting, "."), setting);
    for (unsigned i = 0; i < count; i++)
        if (has_word(list[i].controllers, controller, strlen(controller)))
            return &list[i];
    err_set(err, "VM_CGROUP: %s: no cgroup here has the controller %s (v2 has: %s)", setting, controller,
            count && list[0].v2 ? list[0].controllers : "nothing");
    return NULL;
}

/* One setting: finds its controller, and enables it in the VM's cgroup. */
static int prepare_group(const char *setting, const struct hierarchy *list, unsigned count, const char *id,
                         const struct hierarchy **used, struct cgroup *c, struct err *err)
{
    char controller[CGROUP_SETTING], path[2 * LOCKDIR_PATH];
    const struct hierarchy *h = find_controller(setting, list, count, controller, err);
    if (!h)
        return -1;
    if (*used && ((*used)->v2 != h->v2 || strcmp((*used)->relative, h->relative) != 0))
        return err_set(err, "VM_CGROUP: %s: the jailer accepts settings of one cgroup only, not of both %s and %s",
                       setting, (*used)->dir, h->dir);
    if ((!*used && leave(h, err) < 0) || make_folder(h, id, c, err) < 0)
        return -1;
    *used = h;
    snprintf(path, sizeof(path), "%s/" PARENT, h->dir);
    if (h->v2 && (enable(h->dir, controller, err) < 0 || enable(path, controller, err) < 0))
        return -1;
    snprintf(path, sizeof(path), "%s/" PARENT "/%s/%.*s", h->dir, id, (int)strcspn(setting, "="), setting);
    if (access(path, W_OK) < 0)
        return err_sys(err, "VM_CGROUP: %s: %s", setting, path);
    return 0;
}

static void fill_args(const struct cgroup_plan *plan, const struct hierarchy *h, struct cgroup *c)
{
    const char **arg = c->args;
    snprintf(c->parent, sizeof(c->parent), "%s%s" PARENT, h->relative[0] ? h->relative + 1 : "",
             h->relative[0] ? "/" : "");
    *arg++ = "--cgroup-version";
    *arg++ = h->v2 ? "2" : "1";
    *arg++ = "--parent-cgroup";
    *arg++ = c->parent;
    for (unsigned i = 0; i < plan->count; i++) {
        *arg++ = "--cgroup";
        *arg++ = plan->settings[i];
    }
}

/* Our own cgroup has the same files as its future children, unless it is the v2 root, which has no cgroup.type and few
 * files. */
int cgroup_check(const struct cgroup_plan *plan, struct err *err)
{
    struct hierarchy list[HIERARCHIES];
    char controller[CGROUP_SETTING], path[2 * LOCKDIR_PATH];
    unsigned count = find_hierarchies(list);
    for (unsigned i = 0; i < count; i++)
        read_controllers(&list[i]);
    for (unsigned i = 0; i < plan->count; i++) {
        const char *setting = plan->settings[i];
        const struct hierarchy *h = find_controller(setting, list, count, controller, err);
        if (!h)
            return -1;
        snprintf(path, sizeof(path), "%s/cgroup.type", h->dir);
        bool root = access(path, F_OK) < 0;
        snprintf(path, sizeof(path), "%s/%.*s", h->dir, (int)strcspn(setting, "="), setting);
        if (h->v2 && !root && access(path, F_OK) < 0)
            return err_sys(err, "VM_CGROUP: %s: %s", setting, path);
    }
    return 0;
}

void cgroup_clear(void)
{
    struct hierarchy list[HIERARCHIES];
    char path[LOCKDIR_PATH + 16];
    unsigned count = find_hierarchies(list);
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/" PARENT, list[i].dir);
        orphans_remove_folders(path);
    }
}

int cgroup_make(const struct cgroup_plan *plan, struct cgroup *c, struct err *err)
{
    struct hierarchy list[HIERARCHIES];
    const struct hierarchy *used = NULL;
    unsigned count = find_hierarchies(list);
    cgroup_clear();
    for (unsigned i = 0; i < count; i++)
        read_controllers(&list[i]);
    for (unsigned i = 0; i < plan->count; i++)
        if (prepare_group(plan->settings[i], list, count, plan->id, &used, c, err) < 0)
            return -1;
    if (used)
        fill_args(plan, used, c);
    return 0;
}

void cgroup_remove(void *handle)
{
    struct cgroup *c = handle;
    while (c->count > 0)
        lockdir_remove(&c->dirs[--c->count]);
}
