/* The flags of run: docker's and firebuild's, one table. */
#include "common/num.h"
#include "ctl/runvm.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void list_add(struct list *l, const char *item)
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

int run_set(struct run_vm *r, const char *name, const char *value, const char *from, bool wins, struct err *err)
{
    char *source = NULL;
    if (!wins && getenv(name))
        return 0;
    if (setenv(name, value, true) < 0)
        return err_sys(err, "cannot set %s", name);
    if (asprintf(&source, "%s: %s", name, from) < 0)
        return err_set(err, "out of memory");
    list_add(&r->sources, source);
    return 0;
}

int run_add_variable(struct list *to, const char *what, const char *value, struct err *err)
{
    size_t name = strcspn(value, "=");
    if (name == 0)
        return err_set(err, "run: %s %s: is not NAME=VALUE", what, value);
    const char *own = value[name] ? NULL : getenv(value);
    char *both = NULL;
    if (!value[name] && (!own || asprintf(&both, "%s=%s", value, own) < 0))
        return 0;
    list_add(to, both ? both : strdup(value));
    return 0;
}

/* The value is a secret from here on: ps shows a process's arguments to everybody. */
static int add_variable(struct run_vm *r, char *value, struct err *err)
{
    int rc = run_add_variable(&r->environment, "-e", value, err);
    char *equals = strchr(value, '=');
    if (rc == 0 && equals)
        memset(equals + 1, '*', strlen(equals + 1));
    return rc;
}

static int add_env_file(struct run_vm *r, char *value, struct err *err)
{
    return run_env_file(r, value, err);
}

static int join(struct buf *list, const char *value, struct err *err)
{
    buf_fmt(list, "%s%s", list->len ? "," : "", value);
    return buf_failed(list) ? err_set(err, "out of memory") : 0;
}

static int add_port(struct run_vm *r, char *value, struct err *err)
{
    return join(&r->ports, value, err);
}

static int add_volume(struct run_vm *r, char *value, struct err *err)
{
    return join(&r->volumes, value, err);
}

/* docker's 512m or 2g. */
static int set_memory(struct run_vm *r, char *value, struct err *err)
{
    char text[24];
    uint64_t number;
    size_t digits = strspn(value, "0123456789");
    bool gib = digits > 0 && strchr("gG", value[digits]) && value[digits];
    snprintf(text, sizeof(text), "%.*s", (int)digits, value);
    if (!value[digits] || !strchr("mMgG", value[digits]) || value[digits + 1] ||
        num_parse(text, 1, 1 << 24, &number) < 0)
        return err_set(err, "run: --memory %s: is not a size such as 512m or 2g", value);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number * (gib ? 1024 : 1));
    return run_set(r, "MEM_SIZE_MIB", text, "--memory", true, err);
}

#define OWN(field) offsetof(struct run_vm, field) + 1
static const struct flag {
    const char *name, *other;
    const char *variable;                                        /* the option that it is, or NULL */
    int (*take)(struct run_vm *r, char *value, struct err *err); /* or what it does, or NULL */
    size_t text;                                                 /* or where it is kept, or 0 */
    bool bare;                                                   /* it has no value */
} flags[] = {
    {"--env", "-e", NULL, add_variable, 0, false},
    {"--env-file", NULL, NULL, add_env_file, 0, false},
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
    {"--binary-firecracker", NULL, "VM_FIRECRACKER_BIN", NULL, 0, false},
    {"--binary-jailer", NULL, "VM_JAILER_BIN", NULL, 0, false},
    {"--chroot-base", NULL, "VM_JAIL_BASE", NULL, 0, false},
    {"--cpu-template", NULL, "VM_CPU_TEMPLATE", NULL, 0, false},
    {"--kernel-args", NULL, "KERNEL_BOOT_ARGS", NULL, 0, false},
    {"--root", NULL, NULL, NULL, OWN(root), false},
    {"--run-cache", NULL, NULL, NULL, OWN(cache), false},
    {"--profile", NULL, NULL, NULL, OWN(profile), false},
    {"--profile-conf-dir", NULL, NULL, NULL, OWN(profiles), false},
    {"--from", NULL, NULL, NULL, OWN(image), false},
    {"--kernel", "--vmlinux-id", NULL, NULL, OWN(kernel), false},
    {"--cni-network-name", NULL, NULL, NULL, OWN(net.network), false},
    {"--cni-bin-dir", NULL, NULL, NULL, OWN(net.plugins), false},
    {"--cni-conf-dir", NULL, NULL, NULL, OWN(net.networks), false},
    {"--cni-cache-dir", NULL, NULL, NULL, OWN(net.cache), false},
    {"--ip-address", NULL, NULL, NULL, OWN(net.address), false},
    {"--hostname", "-h", NULL, NULL, OWN(hostname), false},
    {"--entrypoint", NULL, NULL, NULL, OWN(entrypoint), false},
    {"--interactive", "-i", NULL, NULL, OWN(interactive), true},
    {"--tty", "-t", NULL, NULL, OWN(terminal), true},
    {"--detach", "-d", NULL, NULL, OWN(detached), true},
    {"--daemonize", NULL, NULL, NULL, OWN(detached), true},
    {"--dry-run", NULL, NULL, NULL, OWN(dry), true},
    {"--rm", NULL, NULL, NULL, OWN(remove), true},
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

static int apply(struct run_vm *r, const struct flag *f, char *value, struct err *err)
{
    if (f->take)
        return f->take(r, value, err);
    if (f->variable && value)
        return run_set(r, f->variable, value, f->name, true, err);
    if (f->bare)
        *(bool *)((char *)r + f->text - 1) = true;
    else
        *(const char **)((char *)r + f->text - 1) = value;
    return 0;
}

/* Letters in one argument, as -it: flags without values, and the last one may have the rest as its value, as -p80:80.
 * 1; 0: it is something else, and nothing is done; -1 with err. */
static int apply_letters(struct run_vm *r, char *arg, struct err *err)
{
    bool known = arg[1] != '-' && arg[1] && arg[2];
    for (int pass = 0; pass < 2 && known; pass++)
        for (char *c = arg + 1; *c; c++) {
            const struct flag *f = find((char[]){'-', *c}, 2);
            known = f && (f->bare || c[1]);
            if (!known)
                break;
            if (pass > 0 && apply(r, f, f->bare ? NULL : c + 1, err) < 0)
                return -1;
            if (!f->bare)
                break;
        }
    return known;
}

/* One argument, and the next where its value is there: *arg is moved to the last one.  -1 with err. */
static int take_flag(struct run_vm *r, char ***arg, struct err *err)
{
    char *text = **arg;
    size_t len = text[1] == '-' ? strcspn(text, "=") : strlen(text);
    const struct flag *f = find(text, len);
    char *value = text[len] == '=' ? text + len + 1 : NULL;
    if (!f) {
        int letters = apply_letters(r, text, err);
        if (letters != 0)
            return letters < 0 ? -1 : 0;
    }
    if (!f || (f->bare && value))
        return err_set(err, "run: unknown option %.*s (ctr-jailer run --help lists them)", (int)len, text);
    if (!f->bare && !value && !(value = *++*arg))
        return err_set(err, "run: %s: the value is missing", text);
    return apply(r, f, value, err);
}

char **run_flags(struct run_vm *r, char **arg, struct err *err)
{
    for (; *arg && **arg == '-' && strcmp(*arg, "--") != 0; arg++)
        if (take_flag(r, &arg, err) < 0)
            return NULL;
    if (!r->image && *arg && strcmp(*arg, "--") != 0)
        r->image = *arg++;
    if (!r->image)
        err_set(err, "run: the image is missing (ctr-jailer run --help)");
    return r->image ? arg + (*arg && strcmp(*arg, "--") == 0) : NULL;
}
