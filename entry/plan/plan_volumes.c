/* VM_VOLUMES in the plan. */
#include "common/array.h"
#include "entry/plan/plan_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order of enum volume_kind. */
static const char *const modes[] = {"ro", "rw", "live-ro", "disk"};

const char *plan_volume_mode(enum volume_kind kind)
{
    return modes[kind];
}

/* What may follow a mode: "disk=4G" says the disk's capacity, and "rw=suid" allows set-user-id programs. */
static bool read_more(const char *text, struct volume *v)
{
    static const struct value_rule size = {.type = VALUE_SIZE};
    v->suid = v->kind == VOLUME_SHARE && strcmp(text, "suid") == 0;
    return v->suid || (v->kind == VOLUME_KEPT && value_read(&size, text, &v->size) == 0);
}

static bool read_mode(const char *text, struct volume *v)
{
    size_t len = strcspn(text, "=");
    for (size_t i = 0; i < COUNT(modes); i++) {
        v->kind = (enum volume_kind)i;
        if (strlen(modes[i]) == len && strncmp(text, modes[i], len) == 0)
            return !text[len] || read_more(text + len + 1, v);
    }
    return false;
}

/* The next field of *text, which ends at a comma or (field) a colon that no backslash precedes; NULL: there is none. */
static char *cut(char **text, char at)
{
    char *begin = *text, *end = begin;
    if (!begin)
        return NULL;
    while (*end && *end != at)
        end += *end == '\\' && end[1] ? 2 : 1;
    *text = *end ? end + 1 : NULL;
    *end = '\0';
    return begin;
}

/* \, \: and \\ are the character itself; a backslash before any other is one.  In place; may be NULL. */
static char *unescape(char *text)
{
    char *to = text;
    for (const char *from = text; from && *from; *to++ = *from++)
        if (*from == '\\' && from[1] && strchr(",:\\", from[1]))
            from++;
    if (to)
        *to = '\0';
    return text;
}

/* What is wrong with its source, or NULL. */
static const char *plan_source(struct volume *v)
{
    struct stat st;
    if (stat(v->source, &st) < 0)
        return strerror(errno);
    v->file = S_ISREG(st.st_mode);
    if (!v->file && !S_ISDIR(st.st_mode))
        return "the source is neither a directory nor a regular file";
    if (v->kind != VOLUME_KEPT)
        return NULL;
    if (v->file)
        return "the source of a :disk must be a directory, which keeps the disk as the file data.ext4";
    return access(v->source, W_OK | X_OK) < 0 ? strerror(errno) : NULL;
}

/* One entry of VM_VOLUMES, cut apart in place; it may have blanks around it.  What is wrong with it, or NULL. */
static const char *plan_volume(char *text, struct volume *v)
{
    static const char blanks[] = " \t\n";
    *v = (struct volume){0};
    text += strspn(text, blanks);
    for (size_t len = strlen(text); len > 0 && strchr(blanks, text[len - 1]);)
        text[--len] = '\0';
    v->source = unescape(cut(&text, ':'));
    v->target = unescape(cut(&text, ':'));
    uint64_t none;
    static const struct value_rule target = {.type = VALUE_TARGET};
    if (!v->target || !text || v->source[0] != '/' || v->target[0] != '/' || !read_mode(text, v))
        return "must be /host/path:/guest/path:ro (read-only, as it is at the start), :rw (the directory or file "
               "itself; :rw=suid with set-user-id programs), :live-ro (the same, read-only) or :disk (a disk kept in "
               "that directory; :disk=4G with its "
               "capacity), comma separated";
    if (value_read(&target, v->target, &none) < 0)
        return "nothing can be mounted at /, nor in the guest's /dev, /proc and /sys";
    return plan_source(v);
}

static bool same_directory(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A directory keeps one disk.  The other place of it, or NULL. */
static const char *kept_twice(const struct drives_plan *d, const struct volume *v)
{
    if (d->data_persistent && same_directory(d->data_dir, v->source))
        return "VM_DATA_DIR";
    for (unsigned i = 0; i < d->volume_count; i++)
        if (d->volume[i].kind == VOLUME_KEPT && same_directory(d->volume[i].source, v->source))
            return d->volume[i].target;
    return NULL;
}

static int add_volume(const char *all, const char *entry, const struct volume *v, struct drives_plan *d,
                      struct err *err)
{
    bool share = volume_is_share(v->kind);
    const char *other = v->kind == VOLUME_KEPT ? kept_twice(d, v) : NULL;
    if (other)
        return err_set(err, "VM_VOLUMES=%.600s: %s: this directory keeps the disk of %s already", all, entry, other);
    if (share && d->share_count == SHARES_MAX)
        return err_set(err, "VM_VOLUMES=%.600s: more than %d of :rw and :live-ro", all, SHARES_MAX);
    if (!share && d->volume_count - d->share_count == VOLUMES_MAX)
        return err_set(err, "VM_VOLUMES=%.600s: more than %d of :ro and :disk", all, VOLUMES_MAX);
    d->volume[d->volume_count++] = *v;
    d->share_count += share;
    return 0;
}

int plan_volumes(const struct options *o, struct drives_plan *d, struct err *err)
{
    const char *all = o->value[OPT_VOLUMES] ? o->value[OPT_VOLUMES] : "";
    char *rest = d->volumes = strdup(all);
    if (!rest)
        return err_set(err, "out of memory reading VM_VOLUMES");
    if (!*rest)
        return 0;
    for (char *entry; (entry = cut(&rest, ','));) {
        struct volume v;
        const char *wrong = plan_volume(entry, &v);
        if (wrong)
            return err_set(err, "VM_VOLUMES=%.600s: %s: %s", all, entry, wrong);
        if (add_volume(all, entry, &v, d, err) < 0)
            return -1;
    }
    return 0;
}
