/* run: a VM from an image in the host's store, with the image's configuration.  In the foreground this process becomes
 * entry, which gets everything as it always does: options as variables, and a command; in the background entry is
 * started beside it (ctl/daemon.h).
 *
 * The command's variables get the prefix CTR_, so that no variable of an image can configure the VM.  The caller's own
 * variables do not reach the command: only options and PATH stay, the latter for entry's own programs.  A flag wins
 * over a variable, and a variable over the profile and the image. */
#include "common/run.h"
#include "common/cleanup.h"
#include "common/jsonread.h"
#include "common/limits.h"
#include "common/settings.h"
#include "common/variables.h"
#include "ctl/about.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/record.h"
#include "ctl/runvm.h"
#include "store/name.h"
#include "store/store.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
enum { HOSTNAME_MAX = 63, RANDOM_ID = 20 };

/* One variable of the command's. */
static int carry(const char *variable, struct err *err)
{
    cleanup_buf struct buf name = {0};
    const char *equals = strchr(variable, '=');
    if (!equals || equals == variable)
        return 0;
    buf_fmt(&name, VARIABLES_CARRIED "%.*s", (int)(equals - variable), variable);
    if (buf_failed(&name))
        return err_set(err, "out of memory");
    return setenv(name.data, equals + 1, true) < 0 ? err_sys(err, "cannot set %s", name.data) : 0;
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
            list_add(&names, name);
    }
    for (size_t i = 0; i < names.count; i++)
        unsetenv(names.items[i]);
    return names.failed ? err_set(err, "out of memory") : 0;
}

static int add_list(struct list *l, const struct jsonread *j, const char *key)
{
    size_t before = l->count;
    for (int i = jsonread_first(j, jsonread_member(j, 0, key)); i >= 0; i = jsonread_next(j, i))
        list_add(l, jsonread_string(j, i));
    return (int)(l->count - before);
}

/* As in Docker, a given entrypoint replaces both. */
static int make_command(struct run_vm *r, const struct jsonread *j, char **args, struct err *err)
{
    if (r->entrypoint && *r->entrypoint)
        list_add(&r->command, r->entrypoint);
    else if (!r->entrypoint)
        add_list(&r->command, j, "Entrypoint");
    for (char **arg = args; *arg; arg++)
        list_add(&r->command, *arg);
    if (!*args && !r->entrypoint)
        add_list(&r->command, j, "Cmd");
    if (r->command.failed || !r->command.items)
        return err_set(err, "out of memory");
    return r->command.count > r->words
               ? 0
               : err_set(err, "run: %s: the image has no command of its own: give one", r->image);
}

static int set_from(struct run_vm *r, const struct jsonread *j, const char *key, const char *variable,
                    const char *fallback, struct err *err)
{
    char from[32];
    cleanup_free char *value = jsonread_string(j, jsonread_member(j, 0, key));
    const char *text = value && *value ? value : fallback;
    snprintf(from, sizeof(from), value && *value ? "the image's %s" : "default", key);
    return text ? run_set(r, variable, text, from, false, err) : 0;
}

/* A word as a shell takes it. */
static void quote(struct buf *out, const char *word)
{
    buf_str(out, " '");
    for (; *word; word++)
        if (*word == '\'')
            buf_str(out, "'\\''");
        else
            buf_add(out, word, 1);
    buf_str(out, "'");
}

/* Entry has a shell run it; the exec form becomes a shell's exec, which takes an image with a shell. */
static int set_health(struct run_vm *r, const struct jsonread *j, struct err *err)
{
    cleanup_buf struct buf command = {0};
    int test = jsonread_first(j, jsonread_member(j, jsonread_member(j, 0, "Healthcheck"), "Test"));
    cleanup_free char *kind = jsonread_string(j, test);
    bool shell = kind && strcmp(kind, "CMD-SHELL") == 0;
    if (!shell && (!kind || strcmp(kind, "CMD") != 0))
        return 0;
    buf_str(&command, shell ? "" : "exec");
    for (int i = jsonread_next(j, test); i >= 0; i = jsonread_next(j, i)) {
        cleanup_free char *word = jsonread_string(j, i);
        if (word && shell)
            buf_str(&command, word);
        else if (word)
            quote(&command, word);
    }
    if (buf_failed(&command))
        return err_set(err, "out of memory");
    return command.len > strlen("exec") || (shell && command.len)
               ? run_set(r, "VM_HEALTHCHECK_CMD", command.data, "the image's Healthcheck", false, err)
               : 0;
}

static int configure(struct run_vm *r, const struct jsonread *j, char **args, struct err *err)
{
    struct list variables = {0};
    int rc = carry("PATH=" COMMAND_PATH, err);
    add_list(&variables, j, "Env");
    for (size_t i = 0; i < variables.count && rc == 0; i++)
        rc = carry(variables.items[i], err);
    for (size_t i = 0; i < r->files.count && rc == 0; i++)
        rc = carry(r->files.items[i], err);
    for (size_t i = 0; i < r->environment.count && rc == 0; i++)
        rc = carry(r->environment.items[i], err);
    if (variables.failed || r->files.failed || r->environment.failed || r->command.failed)
        return err_set(err, "out of memory");
    if (rc < 0 || set_from(r, j, "User", "VM_USER", NULL, err) < 0 ||
        set_from(r, j, "WorkingDir", "VM_WORKDIR", "/", err) < 0 ||
        set_from(r, j, "StopSignal", "VM_STOP_SIGNAL", NULL, err) < 0 || set_health(r, j, err) < 0 ||
        (r->ports.len && !r->net.network && run_set(r, "VM_PORTS", r->ports.data, "--publish", true, err) < 0) ||
        (r->net.network && run_set(r, "VM_NETWORK", "takeover", "--cni-network-name", true, err) < 0) ||
        (r->volumes.len && run_set(r, "VM_VOLUMES", r->volumes.data, "--volume", true, err) < 0))
        return -1;
    return make_command(r, j, args, err);
}

static int set_path(struct run_vm *r, const struct store *s, enum store_kind kind, const char *text, struct stored *to,
                    struct err *err)
{
    char name[NAME_SIZE];
    cleanup_buf struct buf path = {0};
    cleanup_free char *root = realpath(s->root, NULL);
    if (!root || name_parse(kind, text, name, err) < 0 || store_find(s, kind, name, to, err) < 0)
        return root ? -1 : err_sys(err, "cannot open the store %s", s->root);
    buf_fmt(&path, "%s/sha256/%s", root, to->digest);
    if (buf_failed(&path))
        return err_set(err, "out of memory");
    return kind == STORE_IMAGES ? run_set(r, "VM_ROOTFS_DIR", path.data, "the image", true, err)
                                : run_set(r, "VM_KERNEL_IMAGE", path.data, "--kernel", true, err);
}

static int set_kernel(struct run_vm *r, const struct store *s, struct err *err)
{
    struct stored kernel;
    int found = r->kernel ? run_kernel(r, err) : 1;
    return found < 0 ? -1 : found > 0 ? 0 : set_path(r, s, STORE_KERNELS, r->kernel, &kernel, err);
}

static int prepare(struct run_vm *r, const struct store *s, char **args, struct buf *about, struct err *err)
{
    struct stored image;
    struct jsonread json;
    char name[NAME_SIZE];
    if (name_parse(STORE_IMAGES, r->image, name, err) < 0 || set_path(r, s, STORE_IMAGES, r->image, &image, err) < 0 ||
        set_kernel(r, s, err) < 0)
        return -1;
    cleanup_free char *config = *image.config ? store_config(s, image.config, err) : strdup("{}");
    if (!config)
        return -1;
    if (jsonread_open(&json, config, strlen(config)) < 0)
        return err_set(err, "run: %s: its configuration is not JSON", r->image);
    int rc = configure(r, &json, args, err);
    jsonread_close(&json);
    if (rc == 0)
        about_fill(r, name, image.digest, about);
    return rc == 0 && buf_failed(about) ? err_set(err, "out of memory") : rc;
}

/* The guest has the hostname of the UTS namespace that entry is in. */
static int set_hostname(const char *name, struct err *err)
{
    size_t len = strlen(name);
    if (len == 0 || len > HOSTNAME_MAX || strspn(name, LETTERS ".-") != len || strchr(".-", *name))
        return err_set(err, "run: --hostname %s: is not a hostname: up to %d of A-Z a-z 0-9 . -", name, HOSTNAME_MAX);
    if (unshare(CLONE_NEWUTS) < 0 || sethostname(name, len) < 0)
        return err_sys(err, "run: cannot set the hostname");
    return 0;
}

/* An id of firebuild's form. */
static int set_random_id(struct run_vm *r, struct err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char id[RANDOM_ID + 1] = "";
    unsigned char random[RANDOM_ID];
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, "run: cannot draw an id");
    for (size_t i = 0; i < RANDOM_ID; i++)
        id[i] = letters[random[i] % (sizeof(letters) - 1)];
    return run_set(r, "VM_ID", id, "drawn", true, err);
}

/* A name is taken by a record, too.  That of a VM in the foreground is checked here; in the background, making the
 * record does. */
static int check_name(struct run_vm *r, struct err *err)
{
    struct record taken;
    const char *id = getenv("VM_ID");
    if (!id || !*id)
        return set_random_id(r, err);
    if (r->detached && !record_is_name(id))
        return err_set(err, "run: --name %s: is not a name: up to 64 of A-Z a-z 0-9 -", id);
    if (r->detached || record_open(&taken, r->records, id) < 0)
        return 0;
    record_close(&taken);
    return err_set(err, "run: --name %s: a VM in the background has or had that name: ctr-jailer rm %s", id, id);
}

static int check_network(const struct run_vm *r, struct err *err)
{
    if (r->net.network && r->dry)
        return err_set(err, "run: --dry-run: a CNI network makes the VM's interface at the start: leave out "
                            "--cni-network-name");
    if (!r->net.network && (r->net.plugins || r->net.networks || r->net.cache || r->net.address))
        return err_set(err, "run: --cni-... and --ip-address say nothing without --cni-network-name");
    return 0;
}

static int check_streams(const struct run_vm *r, struct err *err)
{
    if (r->detached && (r->interactive || r->terminal))
        return err_set(err, "run: -d: a VM in the background has neither stdin nor a terminal: leave out -i and -t");
    if (r->interactive && r->terminal && !isatty(STDIN_FILENO))
        return err_set(err, "run: -t: stdin is not a terminal: leave out -t");
    return 0;
}

/* Prints the id. */
static int start_detached(const struct run_vm *r, const char *entry, const struct buf *about, struct err *err)
{
    pid_t pid = 0;
    const struct daemon_plan plan = {.root = r->records,
                                     .id = getenv("VM_ID"),
                                     .program = entry,
                                     .argv = r->command.items,
                                     .about = about,
                                     .remove = r->remove};
    int rc = daemon_start(&plan, &pid, err);
    if (rc == 0)
        cninet_keep(&r->net, pid);
    if (rc == 0 && (printf("%s\n", plan.id) < 0 || fflush(stdout) != 0))
        return err_sys(err, "cannot write");
    return rc;
}

/* Without -i, the command's stdin is empty, as in Docker. */
static int start(struct run_vm *r, const struct buf *about, struct err *err)
{
    char entry[4096];
    if (!run_find("entry", entry, sizeof(entry)))
        return err_set(err, "run: the program entry was not found");
    if (r->hostname && set_hostname(r->hostname, err) < 0)
        return -1;
    if (r->net.network && cninet_enter(&r->net, getenv("VM_ID"), r->ports.len ? r->ports.data : NULL, err) < 0)
        return -1;
    if (r->detached && !r->dry)
        return start_detached(r, entry, about, err);
    int nothing = r->interactive ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!r->interactive && (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0))
        return err_sys(err, "run: cannot open /dev/null");
    cninet_keep(&r->net, getpid());
    if (r->dry)
        run_tell_sources(r);
    limits_stack_back();
    if (r->command.items)
        execv(entry, (char *const *)r->command.items);
    return err_sys(err, "cannot run %s", entry);
}

int ctl_run_image(const char *id, char **argv, struct err *err)
{
    struct run_vm r = {0};
    struct store store;
    cleanup_buf struct buf about = {0};
    if (id && run_set(&r, "VM_ID", id, "--id", true, err) < 0)
        return -1;
    char **args = run_flags(&r, argv + 1, err);
    if (!args || check_streams(&r, err) < 0 || check_network(&r, err) < 0 || run_profile(&r, err) < 0 ||
        drop_environment(err) < 0 || check_name(&r, err) < 0)
        return -1;
    list_add(&r.command, "entry");
    list_add(&r.command, r.dry ? "--dry-run" : "--");
    if (r.dry)
        list_add(&r.command, "--");
    r.words = r.command.count;
    int rc = store_open(&store, r.store, false, err) < 0 ? -1 : prepare(&r, &store, args, &about, err);
    store_close(&store);
    return rc < 0 ? -1 : start(&r, &about, err);
}
