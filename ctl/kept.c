/* kernel and image: what the host's store keeps, by name. */
#include "common/cleanup.h"
#include "common/log.h"
#include "ctl/ctl.h"
#include "store/content.h"
#include "store/name.h"
#include "store/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROOT "/var/lib/ctr-jailer"

struct kept {
    struct store store;
    enum store_kind kind;
    bool verify; /* in a list */
    bool failed; /* something in a list */
    struct buf out;
};

static int add(struct kept *k, char **args, struct err *err)
{
    char name[NAME_SIZE], digest[SHA256_TEXT];
    if (name_parse(k->kind, args[1], name, err) < 0)
        return -1;
    cleanup_close int fd = open(args[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot open %s", args[0]);
    if (content_check(k->kind, fd, args[0], err) < 0 || store_add(&k->store, k->kind, name, fd, digest, err) < 0)
        return -1;
    buf_fmt(&k->out, "%s\tsha256:%s\n", name, digest);
    return 0;
}

/* A file that is missing or has changed is told, and the list goes on. */
static int list_one(void *arg, const char *name)
{
    struct kept *k = arg;
    struct err err = {0};
    char digest[SHA256_TEXT];
    uint64_t size;
    if (store_find(&k->store, k->kind, name, digest, &err) == 0 &&
        store_check(&k->store, digest, k->verify, &size, &err) == 0) {
        buf_fmt(&k->out, "%s\tsha256:%s\t%" PRIu64 "\n", name, digest, size);
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
    char name[NAME_SIZE], digest[SHA256_TEXT];
    if (name_parse(k->kind, args[0], name, err) < 0 || store_find(&k->store, k->kind, name, digest, err) < 0)
        return -1;
    buf_fmt(&k->out, "%s/sha256/%s\n", k->store.root, digest);
    return 0;
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
    int arguments;
    bool makes; /* the store, where there is none */
    int (*run)(struct kept *k, char **args, struct err *err);
} verbs[] = {{"add", 2, true, add},  {"tag", 2, false, tag}, {"path", 1, false, path},
             {"rm", 1, false, drop}, {"ls", 0, false, list}, {"verify", 0, false, verify}};
enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static int count(char **args)
{
    int n = 0;
    while (args[n])
        n++;
    return n;
}

static int run(enum store_kind kind, char **argv, struct err *err)
{
    struct kept k = {.store = STORE_CLOSED, .kind = kind};
    const char *root = DEFAULT_ROOT, *self = argv[0];
    if (argv[1] && argv[2] && strcmp(argv[1], "--root") == 0) {
        root = argv[2];
        argv += 2;
    }
    int i = 0;
    while (i < VERBS && (!argv[1] || strcmp(argv[1], verbs[i].name) != 0))
        i++;
    if (i == VERBS || count(argv + 2) != verbs[i].arguments)
        return err_set(err, "%s: unknown or incomplete command (ctr-jailer %s --help lists them)", self, self);
    int rc = store_open(&k.store, root, verbs[i].makes, err) < 0 ? -1 : verbs[i].run(&k, argv + 2, err);
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
