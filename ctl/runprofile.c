/* What a profile says of a VM, and where each value of a run comes from: flag, environment, profile, image, default. */
#include "common/array.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/variables.h"
#include "ctl/profile.h"
#include "ctl/runvm.h"
#include "store/content.h"
#include "store/name.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    enum profile_field field;
    const char *option;
} options[] = {
    {PROFILE_FIRECRACKER, "VM_FIRECRACKER_BIN"}, {PROFILE_JAILER, "VM_JAILER_BIN"}, {PROFILE_CHROOT, "VM_JAIL_BASE"}};

/* The directory of a kind: a flag's, the profile's, or the usual one.  The result is kept as long as this process
 * lives.  NULL with err. */
static const char *choose(struct run_vm *r, const char *what, const char *flag, const char *given,
                          const struct profile *p, enum profile_field field, struct err *err)
{
    char *source = NULL, *path = NULL;
    const char *value = given ? given : p->values[field] ? p->values[field] : STORE_ROOT;
    int rc = given              ? asprintf(&source, "%s %s: %s", what, value, flag)
             : p->values[field] ? asprintf(&source, "%s %s: profile %s, %s", what, value, p->name, profile_key(field))
                                : asprintf(&source, "%s %s: default", what, value);
    path = strdup(value);
    if (rc < 0 || !path) {
        free(path);
        err_set(err, "out of memory");
        return NULL;
    }
    list_add(&r->sources, source);
    return path;
}

static int apply(struct run_vm *r, const struct profile *p, struct err *err)
{
    char from[PROFILE_NAME + 64];
    for (size_t i = 0; i < COUNT(options); i++) {
        const char *value = p->values[options[i].field];
        snprintf(from, sizeof(from), "profile %s, %s", p->name, profile_key(options[i].field));
        if (value && run_set(r, options[i].option, value, from, false, err) < 0)
            return -1;
    }
    const char *kernels = p->values[PROFILE_KERNELS], *tracing = p->values[PROFILE_TRACING];
    if (tracing && strcmp(tracing, "true") == 0)
        log_warn("profile %s: tracing-enable: this version does not trace", p->name);
    if (kernels && !r->root && !(r->kernels = strdup(kernels)))
        return err_set(err, "out of memory");
    r->store = choose(r, "store", "--root", r->root, p, PROFILE_IMAGES, err);
    r->records = r->cache ? choose(r, "run cache", "--run-cache", r->cache, p, PROFILE_CACHE, err)
                          : choose(r, "run cache", "--root", r->root, p, PROFILE_CACHE, err);
    return r->store && r->records ? 0 : -1;
}

int run_profile(struct run_vm *r, struct err *err)
{
    struct profile p = {0};
    if (!r->profile && r->profiles)
        return err_set(err, "run: --profile-conf-dir says nothing without --profile");
    int rc = r->profile ? profile_read(&p, r->profiles ? r->profiles : PROFILE_FOLDER, r->profile, err) : 0;
    if (rc == 0 && (rc = profile_check(&p, err)) == 0)
        rc = apply(r, &p, err);
    profile_free(&p);
    return rc;
}

int run_kernel(struct run_vm *r, struct err *err)
{
    char name[NAME_SIZE], from[PROFILE_NAME + 64];
    cleanup_buf struct buf path = {0};
    if (!r->kernels)
        return 0;
    if (name_parse(STORE_KERNELS, r->kernel, name, err) < 0)
        return -1;
    buf_fmt(&path, "%s/%s", r->kernels, name);
    if (buf_failed(&path))
        return err_set(err, "out of memory");
    cleanup_close int fd = open(path.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, "cannot open %s", path.data);
    snprintf(from, sizeof(from), "--kernel, profile %s, %s", r->profile, profile_key(PROFILE_KERNELS));
    if (content_check(STORE_KERNELS, fd, path.data, err) < 0 ||
        run_set(r, "VM_KERNEL_IMAGE", path.data, from, true, err) < 0)
        return -1;
    return 1;
}

/* The last one of the option; NULL: its value was in the environment. */
static const char *source_of(const struct run_vm *r, const char *name, size_t len)
{
    for (size_t i = r->sources.count; i > 0; i--)
        if (strncmp(r->sources.items[i - 1], name, len) == 0 && strncmp(r->sources.items[i - 1] + len, ": ", 2) == 0)
            return r->sources.items[i - 1] + len + 2;
    return NULL;
}

static void tell(const char *text)
{
    fprintf(stderr, "ctr-jailer: run: %s\n", text);
}

void run_tell_sources(const struct run_vm *r)
{
    for (size_t i = 0; i < r->sources.count; i++) /* the directories; options have no space in their names */
        if (strcspn(r->sources.items[i], " ") < strcspn(r->sources.items[i], ":"))
            tell(r->sources.items[i]);
    for (char **e = environ; *e; e++) {
        cleanup_buf struct buf line = {0};
        size_t len = strcspn(*e, "=");
        if (!(*e)[len] || strncmp(*e, "PATH=", 5) == 0 ||
            strncmp(*e, VARIABLES_CARRIED, strlen(VARIABLES_CARRIED)) == 0)
            continue;
        const char *source = source_of(r, *e, len);
        buf_fmt(&line, "%s: %s", *e, source ? source : "environment");
        if (!buf_failed(&line))
            tell(line.data);
    }
}
