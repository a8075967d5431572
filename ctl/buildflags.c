/* The flags of build are docker's; those of rootfs and baseos are firebuild's.  All three know all of them. */
#include "common/array.h"
#include "ctl/args.h"
#include "ctl/build.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *other;
    size_t to; /* of the text in struct build */
} texts[] = {
    {"--dockerfile", "--file", offsetof(struct build, dockerfile)},
    {"-f", NULL, offsetof(struct build, dockerfile)},
    {"--tag", "-t", offsetof(struct build, tag)},
    {"--target", "--dockerfile-stage", offsetof(struct build, target)},
    {"--isolation", NULL, offsetof(struct build, isolation)},
    {"--docker-image", NULL, offsetof(struct build, image)},
};

/* Of firebuild's VM that builds, and of the disk it makes: an image in the store has the size of its files. */
static const char *const ignored[] = {"--docker-image-base",
                                      "--filesystem-size-mbs",
                                      "--cni-network-name",
                                      "--cni-bin-dir",
                                      "--cni-conf-dir",
                                      "--cni-cache-dir",
                                      "--vmlinux-id",
                                      "--mem",
                                      "--cpu",
                                      "--cpu-template",
                                      "--kernel-args",
                                      "--ssh-user",
                                      "--identity-file",
                                      "--ip-address",
                                      "--netns",
                                      "--binary-firecracker",
                                      "--binary-jailer",
                                      "--chroot-base",
                                      "--run-cache",
                                      "--jailer-uid",
                                      "--jailer-gid",
                                      "--shutdown-graceful-timeout-seconds"};

static bool take_text(struct build *b, char ***arg)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *value = args_value(arg, texts[i].name);
        if (!value && texts[i].other)
            value = args_value(arg, texts[i].other);
        if (value) {
            *(const char **)((char *)b + texts[i].to) = value;
            return true;
        }
    }
    return false;
}

static bool take_ignored(struct build *b, char ***arg)
{
    for (size_t i = 0; i < COUNT(ignored); i++)
        if (args_value(arg, ignored[i])) {
            if (strcmp(ignored[i], "--docker-image-base") != 0) /* which no build needs any more */
                buf_fmt(&b->ignored, "%s%s", b->ignored.len ? ", " : "", ignored[i]);
            return true;
        }
    return false;
}

static int take_one(struct build *b, char ***arg, struct err *err)
{
    const char *value;
    if ((value = args_value(arg, "--build-arg"))) {
        if (*value == '=' || !*value)
            return err_set(err, "%s: --build-arg %s: is not NAME=VALUE", b->verb, value);
        list_add(&b->arguments, value);
        return 0;
    }
    if (root_take(&b->root, arg) || take_text(b, arg) || take_ignored(b, arg))
        return 0;
    if (***arg == '-' && (**arg)[1])
        return err_set(err, "%s: unknown option %.*s (ctr-jailer %s --help lists them)", b->verb,
                       (int)strcspn(**arg, "="), **arg, b->verb);
    if (strcmp(b->verb, "build") != 0 || b->context)
        return err_set(err, "%s: %s: is one argument too many", b->verb, **arg);
    b->context = **arg;
    return 0;
}

int build_flags(struct build *b, char **argv, struct err *err)
{
    int rc = 0;
    for (char **arg = argv + 1; *arg && rc == 0; arg++)
        rc = take_one(b, &arg, err);
    if (rc < 0)
        return -1;
    if (b->arguments.failed || buf_failed(&b->ignored))
        return err_set(err, "out of memory");
    bool base = strcmp(b->verb, "baseos") == 0;
    if (b->image && (b->dockerfile || b->context || base))
        return err_set(err, "%s: --docker-image: is not for a Dockerfile, nor for baseos", b->verb);
    if (!b->image && !b->dockerfile && !b->context)
        return err_set(err, "%s: the Dockerfile is missing: %s", b->verb,
                       strcmp(b->verb, "build") == 0 ? "give its directory" : "--dockerfile FILE");
    if (!b->tag && !base)
        return err_set(err, "%s: the name of the image is missing: --tag NAME", b->verb);
    return 0;
}
