/* kernel and image: the files in the host's store, by name. */
#include "common/cleanup.h"
#include "common/edits.h"
#include "common/io.h"
#include "common/json.h"
#include "common/log.h"
#include "ctl/ctl.h"
#include "ctl/import.h"
#include "ctl/root.h"
#include "store/config.h"
#include "store/content.h"
#include "store/name.h"
#include "store/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX = 1 << 20 };

struct kept {
    struct store store;
    enum store_kind kind;
    bool verify; /* in a list */
    bool failed; /* something in a list */
    struct buf out;
};

static int read_config(const char *path, struct buf *config, struct err *err)
{
    size_t len;
    cleanup_free char *text = io_read_file(AT_FDCWD, path, CONFIG_MAX, &len);
    return text ? config_take(path, text, len, config, err) : err_sys(err, "cannot read %s", path);
}

static int add(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE];
    struct stored to;
    cleanup_buf struct buf config = {0};
    if (name_parse(k->kind, args[1], name, err) < 0 || (args[2] && read_config(args[2], &config, err) < 0))
        return -1;
    cleanup_close int fd = open(args[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot open %s", args[0]);
    if (content_check(k->kind, fd, args[0], err) < 0 ||
        store_add(&k->store, k->kind, name, fd, args[2] ? &config : NULL, &to, err) < 0)
        return -1;
    buf_fmt(&k->out, "%s\tsha256:%s\n", name, to.digest);
    return 0;
}

static int import(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE];
    struct stored to;
    if (name_parse(k->kind, args[1], name, err) < 0 || import_image(&k->store, args[0], name, &to, err) < 0)
        return -1;
    buf_fmt(&k->out, "%s\tsha256:%s\n", name, to.digest);
    return 0;
}

/* Under the name by which the registry has it, or another. */
static int pull(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE];
    struct stored to;
    cleanup_buf struct buf source = {0};
    const char *reference = strncmp(args[0], "docker://", 9) == 0 ? args[0] + 9 : args[0];
    if (!args[1] && strchr(reference, '@'))
        return err_set(err, "image pull %s: give it a name, too: a digest is not one", reference);
    buf_fmt(&source, "docker://%s", reference);
    if (buf_failed(&source))
        return err_set(err, "out of memory");
    if (name_parse(k->kind, args[1] ? args[1] : reference, name, err) < 0 ||
        import_image(&k->store, source.data, name, &to, err) < 0)
        return -1;
    buf_fmt(&k->out, "%s\tsha256:%s\n", name, to.digest);
    return 0;
}

/* Reports a file that is missing or has changed, and goes on with the list. */
static int list_one(void *arg, const char *name)
{
    struct kept *k = arg;
    struct err err = {0};
    struct stored to;
    uint64_t size, ignored;
    if (store_find(&k->store, k->kind, name, &to, &err) == 0 &&
        (!*to.config || store_check(&k->store, to.config, k->verify, &ignored, &err) == 0) &&
        store_check(&k->store, to.digest, k->verify, &size, &err) == 0) {
        buf_fmt(&k->out, "%s\tsha256:%s\t%" PRIu64 "\n", name, to.digest, size);
    } else {
        log_error("%s: %s", name, err.text);
        k->failed = true;
    }
    return 0;
}

static int list(struct kept *k, char **args, struct err *err)
{
    (void)args;
    return store_list(&k->store, k->kind, list_one, k, err);
}

static int verify(struct kept *k, char **args, struct err *err)
{
    k->verify = true;
    return list(k, args, err);
}

static int path(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE];
    struct stored to;
    if (name_parse(k->kind, args[0], name, err) < 0 || store_find(&k->store, k->kind, name, &to, err) < 0)
        return -1;
    buf_fmt(&k->out, "%s/sha256/%s\n", k->store.root, to.digest);
    return 0;
}

/* As text on a terminal, too: json_string and config_take have seen to that. */
static int inspect(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE], digest[SHA256_TEXT + sizeof("sha256:")];
    struct stored to;
    struct json j = {.out = &k->out, .first = true};
    uint64_t size;
    if (name_parse(k->kind, args[0], name, err) < 0 || store_find(&k->store, k->kind, name, &to, err) < 0 ||
        store_check(&k->store, to.digest, false, &size, err) < 0)
        return -1;
    cleanup_free char *config = *to.config ? store_config(&k->store, to.config, err) : strdup("null");
    if (!config)
        return -1;
    snprintf(digest, sizeof(digest), "sha256:%s", to.digest);
    json_open(&j, NULL, '{');
    json_string(&j, "Name", name);
    json_string(&j, "Digest", digest);
    json_number(&j, "Size", size);
    buf_fmt(&k->out, ",\"Config\":%s", config);
    json_close(&j, '}');
    buf_str(&k->out, "\n");
    return 0;
}

static int prune(struct kept *k, char **args, struct err *err)
{
    (void)args;
    return store_prune(&k->store, &k->out, err);
}

static int tag(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE], other[NAME_SIZE];
    if (name_parse(k->kind, args[0], name, err) < 0 || name_parse(k->kind, args[1], other, err) < 0)
        return -1;
    return store_tag(&k->store, k->kind, name, other, err);
}

static int drop(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE];
    return name_parse(k->kind, args[0], name, err) < 0 ? -1 : store_remove(&k->store, k->kind, name, err);
}

static const struct {
    const char *name;
    int least, most; /* arguments */
    bool makes;      /* the store, where there is none */
    int (*run)(struct kept *k, char **args, struct err *err);
} verbs[] = {{"add", 2, 3, true, add},          {"tag", 2, 2, false, tag},     {"path", 1, 1, false, path},
             {"rm", 1, 1, false, drop},         {"ls", 0, 0, false, list},     {"verify", 0, 0, false, verify},
             {"inspect", 1, 1, false, inspect}, {"prune", 0, 0, false, prune}, {"import", 2, 2, true, import},
             {"pull", 1, 2, true, pull}};
enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static int count(char **args)
{
    int n = 0;
    while (args[n])
        n++;
    return n;
}

/* The verb that the name is a slip of; NULL: none is near. */
static const char *verb_meant(const char *name)
{
    const char *meant = NULL;
    unsigned least = 3; /* letters; two that have changed places are two */
    for (int i = 0; i < VERBS; i++) {
        unsigned far = edits(name, verbs[i].name);
        if (far < least && far < strlen(verbs[i].name)) {
            least = far;
            meant = verbs[i].name;
        }
    }
    return meant;
}

static int run(enum store_kind kind, char **argv, struct err *err)
{
    struct kept k = {.store = STORE_CLOSED, .kind = kind};
    cleanup_root struct root at = {0};
    const char *self = argv[0];
    for (char **arg = argv + 1; *arg && root_take(&at, &arg); arg = argv + 1)
        argv = arg;
    int i = 0;
    while (i < VERBS && (!argv[1] || strcmp(argv[1], verbs[i].name) != 0))
        i++;
    int arguments = count(argv + 1) - 1;
    const char *meant = i == VERBS && argv[1] ? verb_meant(argv[1]) : NULL;
    if (meant)
        return err_set(err, "%s: unknown command %s: did you mean %s?", self, argv[1], meant);
    if (i == VERBS || arguments < verbs[i].least || arguments > verbs[i].most)
        return err_set(err, "%s: unknown or incomplete command (ctr-jailer %s --help lists them)", self, self);
    if (kind == STORE_KERNELS &&
        (arguments == 3 || verbs[i].run == inspect || verbs[i].run == import || verbs[i].run == pull))
        return err_set(err, "kernel: a kernel has no configuration, and is not imported");
    const char *root = root_find(&at, PROFILE_IMAGES, err);
    int rc = !root || store_open(&k.store, root, verbs[i].makes, err) < 0 ? -1 : verbs[i].run(&k, argv + 2, err);
    store_close(&k.store);
    if (rc == 0 && k.out.failed)
        rc = err_set(err, "out of memory");
    if (rc == 0 && k.out.len > 0)
        rc = ctl_print(&k.out, false, err);
    buf_free(&k.out);
    return rc < 0 ? -1 : k.failed;
}

int ctl_kernel(const char *id, char **argv, struct err *err)
{
    (void)id;
    return run(STORE_KERNELS, argv, err);
}

int ctl_image(const char *id, char **argv, struct err *err)
{
    (void)id;
    return run(STORE_IMAGES, argv, err);
}
