#include "oci/mounts.h"

#include "common/array.h"
#include "common/cleanup.h"

#include <string.h>

#define TREE "/usr/src/app/rootfs" /* entry's VM_ROOTFS_DIR */
#define VOLUME "/run/volumes/%u"   /* the toolkit is read-only, /run is not */

/* One mount of the bundle. */
struct mount {
    char *destination, *type, *source;
    int source_item, item;
    int idmap_item; /* the option; 0 is none */
    bool bind, readonly, recursive;
};

/* What entry's container has, in their order.  The tree and the user's mounts come after /run. */
static const struct {
    const char *destination, *type, *source, *options;
} own[] = {
    {"/proc", "proc", "proc", "[\"nosuid\",\"noexec\",\"nodev\"]"},
    {"/dev", "tmpfs", "tmpfs", "[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]"},
    {"/dev/pts", "devpts", "devpts",
     "[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]"},
    {"/sys", "sysfs", "sysfs", "[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "[\"ro\",\"nosuid\",\"noexec\",\"nodev\"]"},
    {"/run", "tmpfs", "tmpfs", "[\"nosuid\",\"noexec\",\"nodev\",\"mode=755\"]"},
    {"/tmp", "tmpfs", "tmpfs", "[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\"]"},
    {"/srv", "tmpfs", "tmpfs", "[\"nosuid\",\"noexec\",\"nodev\",\"mode=755\"]"},
};

/* The engines' mounts of the same places say nothing to the guest, which has its own. */
static const char *const replaced[] = {"/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue"};

/* entry reads these of its container: names, resolvers, and the size of /dev/shm. */
static const char *const read_by_entry[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/shm"};

/* It tells a process that it runs in a container, and not which one. */
static const char *const unneeded[] = {"/run/.containerenv"};

static bool is_one_of(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* As runc reads a destination: without empty parts and ".", and with ".." resolved by name.  In place; the path is
 * absolute. */
static void normalise(char *path)
{
    char *to = path, *rest = path;
    for (char *part; (part = strsep(&rest, "/"));) {
        size_t len = strlen(part);
        if (len == 0 || strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (to > path && *--to != '/')
                ;
            continue;
        }
        *to++ = '/';
        memmove(to, part, len);
        to += len;
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

static void write_mount(struct json *j, const char *destination, const char *type, const char *source,
                        const char *options)
{
    json_open(j, NULL, '{');
    json_string(j, "destination", destination);
    json_string(j, "type", type);
    json_string(j, "source", source);
    json_raw(j, "options", options, strlen(options));
    json_close(j, '}');
}

static int take_destination(struct walk *w, int item)
{
    return (((struct mount *)w->arg)->destination = walk_string(w, item, "mounts.destination")) ? 0 : -1;
}

static int take_type(struct walk *w, int item)
{
    return (((struct mount *)w->arg)->type = walk_string(w, item, "mounts.type")) ? 0 : -1;
}

static int take_source(struct walk *w, int item)
{
    struct mount *m = w->arg;
    m->source_item = item;
    return (m->source = walk_string(w, item, "mounts.source")) ? 0 : -1;
}

/* The later of ro and rw counts, as in runc. */
static int take_options(struct walk *w, int item)
{
    struct mount *m = w->arg;
    for (int i = walk_array(w, item, "mounts.options"); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *option = walk_string(w, i, "mounts.options");
        if (!option)
            return -1;
        if (strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0)
            m->bind = true;
        if (strcmp(option, "rbind") == 0)
            m->recursive = true;
        if (strcmp(option, "ro") == 0 || strcmp(option, "rro") == 0 || strcmp(option, "rw") == 0)
            m->readonly = strcmp(option, "rw") != 0;
        if (strstr(option, "idmap")) /* refused by name, once the destination is known: members come in any order */
            m->idmap_item = i;
    }
    return w->err->text[0] ? -1 : 0;
}

static int refuse_idmap(struct walk *w, const struct mount *m)
{
    cleanup_free char *option = walk_string(w, m->idmap_item, "mounts.options");
    return option ? err_set(w->err, "mount %.200s: option %.100s is not supported", m->destination, option) : -1;
}

/* What a share does not have. */
static int warn_options(struct walk *w, const struct mount *m)
{
    static const char *const lost[] = {"shared", "rshared", "slave", "rslave", "unbindable", "runbindable", "noexec"};
    int options = jsonread_member(w->json, m->item, "options");
    for (int i = walk_array(w, options, "mounts.options"); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *option = walk_string(w, i, "mounts.options");
        if (!option)
            return -1;
        if (is_one_of(lost, COUNT(lost), option))
            walk_warn(w, "mount %.200s: %s is not carried into the VM", m->destination, option);
    }
    return 0;
}

static int check_volume(struct walk *w, const struct mount *m)
{
    static const char *const kernels[] = {"/proc", "/sys", "/dev"};
    if (strpbrk(m->destination, ",:\\")) /* what VM_VOLUMES takes for its own */
        return err_set(w->err, "mount %.200s: a path with a comma, colon or backslash is not supported",
                       m->destination);
    for (size_t i = 0; i < COUNT(kernels); i++)
        if (is_below(m->destination, kernels[i]))
            return err_set(w->err, "mount %.200s: %s of the guest belongs to its kernel", m->destination, kernels[i]);
    if (m->type && !m->bind && strcmp(m->type, "tmpfs") == 0)
        return err_set(w->err, "mount %.200s: a tmpfs is not supported yet", m->destination);
    if (!m->bind && (!m->type || strcmp(m->type, "bind") != 0))
        return err_set(w->err, "mount %.200s: type %.50s is not supported", m->destination,
                       m->type ? m->type : "(none)");
    if (!m->source || m->source[0] != '/')
        return err_set(w->err, "mount %.200s: its source must be an absolute path", m->destination);
    return warn_options(w, m);
}

/* Inside a JSON string.  A path keeps its bytes, also those that are not UTF-8. */
static void write_path(struct buf *out, const char *path)
{
    for (; *path; path++)
        if ((unsigned char)*path < ' ' || *path == '"' || *path == '\\')
            buf_fmt(out, "\\u%04x", (unsigned)*path);
        else
            buf_add(out, path, 1);
}

static int write_volume(struct walk *w, const struct mount *m, unsigned number, struct buf *volumes)
{
    char place[sizeof(VOLUME) + 12], options[80];
    if (check_volume(w, m) < 0)
        return -1;
    snprintf(place, sizeof(place), VOLUME, number);
    buf_fmt(volumes, "%s%s:", volumes->len ? "," : "", place);
    write_path(volumes, m->destination);
    buf_str(volumes, m->readonly ? ":live-ro" : ":rw");
    snprintf(options, sizeof(options), "[\"%sbind\",\"%s\",\"nosuid\",\"nodev\",\"rprivate\"]", m->recursive ? "r" : "",
             m->readonly ? "ro" : "rw");
    json_open(&w->to, NULL, '{');
    json_string(&w->to, "destination", place);
    json_string(&w->to, "type", "bind");
    walk_keep(w, "source", m->source_item);
    json_raw(&w->to, "options", options, strlen(options));
    json_close(&w->to, '}');
    return 0;
}

static int write_one(struct walk *w, int item, unsigned *number, struct buf *volumes)
{
    static const struct member members[] = {
        {"destination", FATE_TAKEN, NULL, take_destination, 0}, {"type", FATE_TAKEN, NULL, take_type, 0},
        {"source", FATE_TAKEN, NULL, take_source, 0},           {"options", FATE_TAKEN, NULL, take_options, 0},
        {"uidMappings", FATE_REFUSED, NULL, NULL, 0},           {"gidMappings", FATE_REFUSED, NULL, NULL, 0}};
    struct mount m = {.item = item};
    w->arg = &m;
    int rc = walk_members(w, item, "mounts", members, COUNT(members));
    cleanup_free char *destination = m.destination, *type = m.type, *source = m.source;
    if (rc < 0)
        return rc;
    if (!destination || destination[0] != '/')
        return err_set(w->err, "mounts: a destination is missing or is not an absolute path");
    normalise(destination);
    if (m.idmap_item)
        return refuse_idmap(w, &m);
    if (is_one_of(unneeded, COUNT(unneeded), destination))
        return 0;
    if (is_one_of(replaced, COUNT(replaced), destination)) {
        if (m.bind)
            walk_warn(w, "mount %s is not carried into the VM, which has its own", destination);
        return 0;
    }
    if (is_one_of(read_by_entry, COUNT(read_by_entry), destination)) {
        walk_keep(w, NULL, item);
        return 0;
    }
    return write_volume(w, &m, (*number)++, volumes);
}

int mounts_write(struct walk *w, int mounts, const struct mounts_plan *plan, struct buf *volumes)
{
    unsigned number = 0;
    json_open(&w->to, "mounts", '[');
    for (size_t i = 0; i < COUNT(own); i++)
        write_mount(&w->to, own[i].destination, own[i].type, own[i].source, own[i].options);
    write_mount(&w->to, "/var/tmp", "bind", plan->scratch, "[\"bind\",\"rw\",\"nosuid\",\"nodev\",\"rprivate\"]");
    write_mount(&w->to, TREE, "bind", plan->root, "[\"rbind\",\"ro\",\"nosuid\",\"nodev\",\"rprivate\"]");
    for (int i = walk_array(w, mounts, "mounts"); i >= 0; i = jsonread_next(w->json, i))
        if (write_one(w, i, &number, volumes) < 0)
            return -1;
    json_close(&w->to, ']');
    return w->err->text[0] ? -1 : 0;
}
