/* profile-create, profile-ls, profile-inspect and profile-rm, with firebuild's flags. */
#include "common/array.h"
#include "common/cleanup.h"
#include "ctl/args.h"
#include "ctl/ctl.h"
#include "ctl/profile.h"

#include <dirent.h>
#include <string.h>
#include <sys/file.h>

struct request {
    const char *name, *folder;
    bool overwrite;
    struct profile profile;
};

/* A property of the storage provider, KEY=VALUE. */
static int take_property(struct profile *p, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    for (int i = 0; i < PROFILE_FIELDS && equals; i++) {
        const char *key = profile_key(i);
        if (profile_is_property(i) && strlen(key) == (size_t)(equals - text) && strncmp(text, key, strlen(key)) == 0)
            return profile_set(p, i, equals + 1, "profile-create:", err);
    }
    return err_set(err, "profile-create: --storage-provider-property-string %s: is neither %s=DIR nor %s=DIR", text,
                   profile_key(PROFILE_IMAGES), profile_key(PROFILE_KERNELS));
}

/* A flag named after its key in the file.  1; 0: it is another one; -1 with err. */
static int take_field(struct profile *p, char ***arg, struct err *err)
{
    char flag[64];
    for (int i = 0; i < PROFILE_FIELDS; i++) {
        const char *value = NULL;
        if (profile_is_property(i))
            continue;
        snprintf(flag, sizeof(flag), "--%s", profile_key(i));
        if (profile_is_switch(i) && strcmp(**arg, flag) == 0)
            value = "true";
        else if (!(value = args_value(arg, flag)))
            continue;
        return profile_set(p, i, value, "profile-create:", err) < 0 ? -1 : 1;
    }
    return 0;
}

/* The flags of all four.  1; 0: it is another one. */
static int take_common(struct request *r, char ***arg)
{
    const char *value;
    if ((value = args_value(arg, "--profile")))
        r->name = value;
    else if ((value = args_value(arg, "--profile-conf-dir")))
        r->folder = value;
    else
        return 0;
    return 1;
}

static int take_one(struct request *r, char ***arg, struct err *err)
{
    const char *value;
    if (take_common(r, arg))
        return 0;
    if (strcmp(**arg, "--overwrite") == 0) {
        r->overwrite = true;
        return 0;
    }
    if ((value = args_value(arg, "--storage-provider-property-string")))
        return take_property(&r->profile, value, err);
    if ((value = args_value(arg, "--storage-provider-property-int64")))
        return err_set(err,
                       "profile-create: --storage-provider-property-int64 %s: the provider directory has no such "
                       "property",
                       value);
    int taken = take_field(&r->profile, arg, err);
    if (taken == 0)
        err_set(err, "profile-create: unknown option %.*s (ctr-jailer profile-create --help lists them)",
                (int)strcspn(**arg, "="), **arg);
    return taken > 0 ? 0 : -1;
}

int ctl_profile_create(const char *id, char **argv, struct err *err)
{
    (void)id;
    struct request r = {.folder = PROFILE_FOLDER};
    struct profile named;
    int rc = 0;
    for (char **arg = argv + 1; *arg && rc == 0; arg++)
        rc = take_one(&r, &arg, err);
    if (rc == 0 && !r.name)
        rc = err_set(err, "profile-create: the name is missing: --profile NAME");
    if (rc == 0 && (rc = profile_start(&named, r.name, err)) == 0) {
        memcpy(r.profile.name, named.name, sizeof(named.name));
        rc = profile_check(&r.profile, err) < 0 ? -1 : profile_write(&r.profile, r.folder, r.overwrite, err);
    }
    profile_free(&r.profile);
    return rc;
}

/* For those that take a name, also without its flag, and nothing else.  -1 with err. */
static int take_name(struct request *r, char **argv, bool needed, struct err *err)
{
    *r = (struct request){.folder = PROFILE_FOLDER};
    for (char **arg = argv + 1; *arg; arg++) {
        if (take_common(r, &arg))
            continue;
        if (**arg == '-' || r->name || !needed)
            return err_set(err, "%s: usage: %s [--profile-conf-dir DIR]%s", argv[0], argv[0],
                           needed ? " [--profile] NAME" : "");
        r->name = *arg;
    }
    return needed && !r->name ? err_set(err, "%s: the name is missing: --profile NAME", argv[0]) : 0;
}

int ctl_profile_inspect(const char *id, char **argv, struct err *err)
{
    (void)id;
    struct request r;
    cleanup_buf struct buf out = {0};
    if (take_name(&r, argv, true, err) < 0)
        return -1;
    int rc = profile_read(&r.profile, r.folder, r.name, err);
    if (rc == 0)
        profile_format(&r.profile, &out);
    profile_free(&r.profile);
    if (rc == 0 && buf_failed(&out))
        rc = err_set(err, "out of memory");
    return rc == 0 ? ctl_print(&out, false, err) : rc;
}

int ctl_profile_rm(const char *id, char **argv, struct err *err)
{
    (void)id;
    struct request r;
    if (take_name(&r, argv, true, err) < 0 || profile_start(&r.profile, r.name, err) < 0)
        return -1;
    cleanup_close int folder = profile_folder(r.folder, false, err);
    if (folder < 0)
        return -1;
    if (flock(folder, LOCK_EX) < 0 || unlinkat(folder, r.profile.name, 0) < 0 || fsync(folder) < 0)
        return errno == ENOENT
                   ? err_set(err, "profile %s: is not in %s", r.profile.name, r.folder)
                   : err_sys(err, "profile %s: cannot remove %s/%s", r.profile.name, r.folder, r.profile.name);
    return 0;
}

static int is_profile(const struct dirent *e)
{
    struct profile p;
    return profile_start(&p, e->d_name, &(struct err){0}) == 0 && strcmp(p.name, e->d_name) == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int ctl_profile_ls(const char *id, char **argv, struct err *err)
{
    (void)id;
    struct request r;
    struct dirent **entries;
    cleanup_buf struct buf out = {0};
    if (take_name(&r, argv, false, err) < 0)
        return -1;
    if (access(r.folder, F_OK) < 0 && errno == ENOENT)
        return 0;
    cleanup_close int folder = profile_folder(r.folder, false, err);
    int count = folder < 0 ? -1 : scandirat(folder, ".", &entries, is_profile, by_bytes);
    if (count < 0)
        return folder < 0 ? -1 : err_sys(err, "cannot read the directory of profiles %s", r.folder);
    for (int i = 0; i < count; i++) {
        buf_fmt(&out, "%s\n", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (buf_failed(&out))
        return err_set(err, "out of memory");
    return out.len ? ctl_print(&out, false, err) : 0;
}
