/* run: a VM from an image in the host's store, with the image's configuration.  This process becomes entry, which gets
 * everything as it always does: options as variables, and a command.
 *
 * What the command is to have goes by the prefix CTR_, so that no variable of an image can configure the VM, and the
 * caller's own variables do not reach the command: only those that are options, and PATH, stay, the latter for entry's
 * own programs.  Flag goes before variable, and variable before image. */
#include "common/run.h"
#include "common/cleanup.h"
#include "common/jsonread.h"
#include "common/num.h"
#include "common/settings.h"
#include "common/variables.h"
#include "ctl/ctl.h"
#include "store/name.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
    const char **items; /* of this process's arguments, or allocated for as long as it lives */
    size_t count;
    bool failed;
};

struct run_vm {
    const char *root, *image, *kernel, *entrypoint;
    bool interactive, dry;
    struct list environment;   /* NAME=value, a later one wins */
    struct buf ports, volumes; /* lists with commas */
    struct list command;
    size_t words; /* of the command that are entry's own */
};

static void add(struct list *l, const char *item)
{
    const char **more = item ? reallocarray(l->items, l->count + 2, sizeof(*more)) : NULL;
    if (!more) {
        l->failed = true;
        return;
    }
    l->items = more;
    l->items[l->count++] = item;
    l->items[l->count] = NULL;
}

static int set(const char *name, const char *value, bool wins, struct err *err)
{
    return setenv(name, value, wins) < 0 ? err_sys(err, "cannot set %s", name) : 0;
}

/* One variable of the command's. */
static int carry(const char *variable, struct err *err)
{
    cleanup_buf struct buf name = {0};
    const char *equals = strchr(variable, '=');
    if (!equals || equals == variable)
        return 0;
    buf_fmt(&name, VARIABLES_CARRIED "%.*s", (int)(equals - variable), variable);
    return buf_failed(&name) ? err_set(err, "out of memory") : set(name.data, equals + 1, true, err);
}

/* -e NAME takes the caller's value, if there is one, as docker's does. */
static int add_variable(struct run_vm *r, const char *value, struct err *err)
{
    if (!*value || *value == '=')
        return err_set(err, "run: -e %s: is not NAME=VALUE", value);
    const char *own = strchr(value, '=') ? NULL : getenv(value);
    char *both = NULL;
    if (!strchr(value, '=') && (!own || asprintf(&both, "%s=%s", value, own) < 0))
        return 0;
    add(&r->environment, both ? both : value);
    return 0;
}

static int join(struct buf *list, const char *value, struct err *err)
{
    buf_fmt(list, "%s%s", list->len ? "," : "", value);
    return buf_failed(list) ? err_set(err, "out of memory") : 0;
}

static int add_port(struct run_vm *r, const char *value, struct err *err)
{
    return join(&r->ports, value, err);
}

static int add_volume(struct run_vm *r, const char *value, struct err *err)
{
    return join(&r->volumes, value, err);
}

/* docker's 512m or 2g. */
static int set_memory(struct run_vm *r, const char *value, struct err *err)
{
    (void)r;
    char text[24];
    uint64_t number;
    size_t digits = strspn(value, "0123456789");
    bool gib = digits > 0 && strchr("gG", value[digits]) && value[digits];
    snprintf(text, sizeof(text), "%.*s", (int)digits, value);
    if (!value[digits] || !strchr("mMgG", value[digits]) || value[digits + 1] ||
        num_parse(text, 1, 1 << 24, &number) < 0)
        return err_set(err, "run: --memory %s: is not a size such as 512m or 2g", value);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number * (gib ? 1024 : 1));
    return set("MEM_SIZE_MIB", text, true, err);
}

#define OWN(field) offsetof(struct run_vm, field) + 1
static const struct flag {
    const char *name, *other;
    const char *variable;                                              /* the option that it is, or NULL */
    int (*take)(struct run_vm *r, const char *value, struct err *err); /* or what it does, or NULL */
    size_t text;                                                       /* or where it is kept, or 0 */
    bool bare;                                                         /* it has no value */
} flags[] = {
    {"--env", "-e", NULL, add_variable, 0, false},
    {"--publish", "-p", NULL, add_port, 0, false},
    {"--port", NULL, NULL, add_port, 0, false},
    {"--memory", "-m", NULL, set_memory, 0, false},
    {"--mem", NULL, "MEM_SIZE_MIB", NULL, 0, false},
    {"--cpus", "--cpu", "VCPU_COUNT", NULL, 0, false},
    {"--name", NULL, "VM_ID", NULL, 0, false},
    {"--user", "-u", "VM_USER", NULL, 0, false},
    {"--workdir", "-w", "VM_WORKDIR", NULL, 0, false},
    {"--volume", "-v", NULL, add_volume, 0, false},
    {"--stop-signal", NULL, "VM_STOP_SIGNAL", NULL, 0, false},
    {"--root", NULL, NULL, NULL, OWN(root), false},
    {"--from", NULL, NULL, NULL, OWN(image), false},
    {"--kernel", "--vmlinux-id", NULL, NULL, OWN(kernel), false},
    {"--entrypoint", NULL, NULL, NULL, OWN(entrypoint), false},
    {"--interactive", "-i", NULL, NULL, OWN(interactive), true},
    {"--tty", "-t", NULL, NULL, 0, true},
    {"-it", "-ti", NULL, NULL, OWN(interactive), true}, /* a command has a terminal where stdin is one */
    {"--dry-run", NULL, NULL, NULL, OWN(dry), true},
    {"--rm", NULL, NULL, NULL, 0, true}, /* nothing of a VM stays */
};
enum { FLAGS = sizeof(flags) / sizeof(*flags) };

static const struct flag *find(const char *arg, size_t len)
{
    for (size_t i = 0; i < FLAGS; i++)
        if ((strlen(flags[i].name) == len && strncmp(arg, flags[i].name, len) == 0) ||
            (flags[i].other && strlen(flags[i].other) == len && strncmp(arg, flags[i].other, len) == 0))
            return &flags[i];
    return NULL;
}

static int apply(struct run_vm *r, const struct flag *f, const char *value, struct err *err)
{
    if (f->take)
        return f->take(r, value, err);
    if (f->variable && value)
        return set(f->variable, value, true, err);
    if (f->text && f->bare)
        *(bool *)((char *)r + f->text - 1) = true;
    else if (f->text)
        *(const char **)((char *)r + f->text - 1) = value;
    return 0;
}

/* Up to the image, or a -- where --from has named it.  Returns what is left: the command. */
static char **read_flags(struct run_vm *r, char **arg, struct err *err)
{
    for (; *arg && **arg == '-' && strcmp(*arg, "--") != 0; arg++) {
        size_t len = (*arg)[1] == '-' ? strcspn(*arg, "=") : strlen(*arg);
        const struct flag *f = find(*arg, len);
        const char *name = *arg, *value = (*arg)[len] == '=' ? *arg + len + 1 : NULL;
        if (!f || (f->bare && value)) {
            err_set(err, "run: unknown option %.*s (ctr-jailer run --help lists them)", (int)len, name);
            return NULL;
        }
        if (!f->bare && !value && !(value = *++arg)) {
            err_set(err, "run: %s: its value is missing", name);
            return NULL;
        }
        if (apply(r, f, value, err) < 0)
            return NULL;
    }
    if (!r->image && *arg && strcmp(*arg, "--") != 0)
        r->image = *arg++;
    if (!r->image)
        err_set(err, "run: the image is missing (ctr-jailer run --help)");
    return r->image ? arg + (*arg && strcmp(*arg, "--") == 0) : NULL;
}

/* Of the caller's variables, those that are options stay. */
static int drop_environment(struct err *err)
{
    struct list names = {0};
    for (char **e = environ; *e; e++) {
        char *name = strndup(*e, strcspn(*e, "="));
        bool stays =
            name && (strcmp(name, "PATH") == 0 || (variables_need_prefix(name) && !variables_describe_container(name) &&
                                                   strncmp(name, VARIABLES_CARRIED, strlen(VARIABLES_CARRIED)) != 0));
        if (!name || !stays)
            add(&names, name);
    }
    for (size_t i = 0; i < names.count; i++)
        unsetenv(names.items[i]);
    return names.failed ? err_set(err, "out of memory") : 0;
}

static int add_list(struct list *l, const struct jsonread *j, const char *key)
{
    size_t before = l->count;
    for (int i = jsonread_first(j, jsonread_member(j, 0, key)); i >= 0; i = jsonread_next(j, i))
        add(l, jsonread_string(j, i));
    return (int)(l->count - before);
}

/* Docker's: an entrypoint that is given takes the place of both. */
static int make_command(struct run_vm *r, const struct jsonread *j, char **args, struct err *err)
{
    if (r->entrypoint && *r->entrypoint)
        add(&r->command, r->entrypoint);
    else if (!r->entrypoint)
        add_list(&r->command, j, "Entrypoint");
    for (char **arg = args; *arg; arg++)
        add(&r->command, *arg);
    if (!*args && !r->entrypoint)
        add_list(&r->command, j, "Cmd");
    if (r->command.failed || !r->command.items)
        return err_set(err, "out of memory");
    return r->command.count > r->words
               ? 0
               : err_set(err, "run: %s: the image has no command of its own: give one", r->image);
}

static int set_from(const struct jsonread *j, const char *key, const char *variable, const char *fallback,
                    struct err *err)
{
    cleanup_free char *value = jsonread_string(j, jsonread_member(j, 0, key));
    const char *text = value && *value ? value : fallback;
    return text ? set(variable, text, false, err) : 0;
}

/* Only the shell form can be told to entry. */
static int set_health(const struct jsonread *j, struct err *err)
{
    int test = jsonread_first(j, jsonread_member(j, jsonread_member(j, 0, "Healthcheck"), "Test"));
    cleanup_free char *kind = jsonread_string(j, test), *command = jsonread_string(j, jsonread_next(j, test));
    return kind && command && strcmp(kind, "CMD-SHELL") == 0 ? set("VM_HEALTHCHECK_CMD", command, false, err) : 0;
}

static int configure(struct run_vm *r, const struct jsonread *j, char **args, struct err *err)
{
    struct list variables = {0};
    int rc = carry("PATH=" COMMAND_PATH, err);
    add_list(&variables, j, "Env");
    for (size_t i = 0; i < variables.count && rc == 0; i++)
        rc = carry(variables.items[i], err);
    for (size_t i = 0; i < r->environment.count && rc == 0; i++)
        rc = carry(r->environment.items[i], err);
    if (variables.failed || r->environment.failed || r->command.failed)
        return err_set(err, "out of memory");
    if (rc < 0 || set_from(j, "User", "VM_USER", NULL, err) < 0 ||
        set_from(j, "WorkingDir", "VM_WORKDIR", "/", err) < 0 ||
        set_from(j, "StopSignal", "VM_STOP_SIGNAL", NULL, err) < 0 || set_health(j, err) < 0 ||
        (r->ports.len && set("VM_PORTS", r->ports.data, true, err) < 0) ||
        (r->volumes.len && set("VM_VOLUMES", r->volumes.data, true, err) < 0))
        return -1;
    return make_command(r, j, args, err);
}

static int set_path(const struct store *s, enum store_kind kind, const char *text, const char *variable,
                    struct stored *to, struct err *err)
{
    char name[NAME_SIZE];
    cleanup_buf struct buf path = {0};
    cleanup_free char *root = realpath(s->root, NULL);
    if (!root || name_parse(kind, text, name, err) < 0 || store_find(s, kind, name, to, err) < 0)
        return root ? -1 : err_sys(err, "cannot open the store %s", s->root);
    buf_fmt(&path, "%s/sha256/%s", root, to->digest);
    return buf_failed(&path) ? err_set(err, "out of memory") : set(variable, path.data, true, err);
}

static int prepare(struct run_vm *r, const struct store *s, char **args, struct err *err)
{
    struct stored image, kernel;
    struct jsonread json;
    if (set_path(s, STORE_IMAGES, r->image, "VM_ROOTFS_DIR", &image, err) < 0 ||
        (r->kernel && set_path(s, STORE_KERNELS, r->kernel, "VM_KERNEL_IMAGE", &kernel, err) < 0))
        return -1;
    cleanup_free char *config = *image.config ? store_config(s, image.config, err) : strdup("{}");
    if (!config)
        return -1;
    if (jsonread_open(&json, config, strlen(config)) < 0)
        return err_set(err, "run: %s: its configuration is not JSON", r->image);
    int rc = configure(r, &json, args, err);
    jsonread_close(&json);
    return rc;
}

/* Without -i, the command's stdin is empty, as docker has it. */
static int start(const struct run_vm *r, struct err *err)
{
    char entry[4096];
    if (!run_find("entry", entry, sizeof(entry)))
        return err_set(err, "run: there is no program entry");
    int nothing = r->interactive ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!r->interactive && (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0))
        return err_sys(err, "run: cannot open /dev/null");
    if (r->command.items)
        execv(entry, (char *const *)r->command.items);
    return err_sys(err, "cannot run %s", entry);
}

int ctl_run_image(const char *id, char **argv, struct err *err)
{
    struct run_vm r = {.root = STORE_ROOT};
    struct store store;
    if (id && set("VM_ID", id, true, err) < 0)
        return -1;
    char **args = read_flags(&r, argv + 1, err);
    if (!args || drop_environment(err) < 0)
        return -1;
    add(&r.command, "entry");
    add(&r.command, r.dry ? "--dry-run" : "--");
    if (r.dry)
        add(&r.command, "--");
    r.words = r.command.count;
    int rc = store_open(&store, r.root, false, err) < 0 ? -1 : prepare(&r, &store, args, err);
    store_close(&store);
    return rc < 0 ? -1 : start(&r, err);
}
