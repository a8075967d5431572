/* build, rootfs and baseos.  A build takes place in a folder in the store (store/work.h): buildah's storage, a clone,
 * the archive with the result.  RUN steps on the host are for those who ask for them: --isolation=host. */
#include "ctl/build.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/process.h"
#include "common/run.h"
#include "ctl/ctl.h"
#include "ctl/import.h"
#include "store/name.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define RESULT "localhost/ctr-jailer-build"

/* In the child. */
static void become(const char *const argv[])
{
    signal(SIGINT, SIG_DFL);
    if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        execvp(argv[0], (char *const *)argv);
    _exit(127);
}

int build_run(const char *const argv[], struct err *err)
{
    int status;
    char path[4096];
    if (!run_find(argv[0], path, sizeof(path)))
        return err_set(err, "the program %s was not found (install %s)", argv[0], argv[0]);
    pid_t pid = fork();
    if (pid == 0)
        become(argv);
    if (pid < 0)
        return err_sys(err, "cannot start %s", argv[0]);
    if (process_wait(pid, &status) < 0)
        return err_sys(err, "cannot wait for %s", argv[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status)
                             : err_set(err, "%s was killed by signal %d", argv[0], WTERMSIG(status));
}

int build_buildah(struct build *b, const char *const args[], struct buf *out, const char *what, struct err *err)
{
    char storage[WORK_PATH + 16], state[WORK_PATH + 16], temporary[WORK_PATH + 16];
    const char *argv[BUILD_ARGS] = {"buildah", "--storage-driver", "vfs", "--root", storage, "--runroot", state};
    cleanup_buf struct buf said = {0};
    size_t n = 7;
    snprintf(storage, sizeof(storage), "%s/storage", b->work.path);
    snprintf(state, sizeof(state), "%s/run", b->work.path);
    snprintf(temporary, sizeof(temporary), "%s/tmp", b->work.path);
    while (*args && n < BUILD_ARGS - 1)
        argv[n++] = *args++;
    if (setenv("TMPDIR", temporary, true) < 0)
        return err_sys(err, "cannot set TMPDIR");
    int status = out ? run_program(argv, NULL, 0, out, &said, err) : build_run(argv, err);
    if (status > 0)
        return said.len ? err_set(err, "%s: buildah failed: %.600s", what, run_last_line(&said))
                        : err_set(err, "%s: buildah failed with exit code %d", what, status);
    return status;
}

/* HEALTHCHECK, ONBUILD and SHELL are known to docker's format alone. */
static int make_image(struct build *b, struct err *err)
{
    const char *args[BUILD_ARGS] = {"bud", "--isolation", "chroot", "--format",  "docker", "--layers=false",
                                    "-t",  RESULT,        "-f",     b->file.data};
    size_t n = 10;
    if (b->target) {
        args[n++] = "--target";
        args[n++] = b->target;
    }
    for (size_t i = 0; i < b->arguments.count; i++) {
        if (n > BUILD_ARGS - 16)
            return err_set(err, "%s: too many --build-arg", b->verb);
        args[n++] = "--build-arg";
        args[n++] = b->arguments.items[i];
    }
    args[n++] = b->folder.data;
    return build_buildah(b, args, NULL, b->verb, err);
}

static int save_image(struct build *b, const char *archive, struct err *err)
{
    cleanup_buf struct buf out = {0};
    char to[2 * WORK_PATH];
    snprintf(to, sizeof(to), "docker-archive:%s:result:latest", archive);
    const char *const args[] = {"push", "-q", RESULT, to, NULL};
    return build_buildah(b, args, &out, b->verb, err);
}

/* What buildah mounts is this process's alone, and goes with it. */
static int own_mounts(struct err *err)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, "cannot have mounts of its own");
    return 0;
}

static int build(struct build *b, const struct store *s, struct buf *out, struct err *err)
{
    char archive[WORK_PATH + 16], name[NAME_SIZE];
    cleanup_free char *from = NULL;
    struct stored to;
    int count = 0;
    if (mkdirat(b->work.fd, "tmp", 0700) < 0)
        return err_sys(err, "cannot create %s/tmp", b->work.path);
    if (build_source(b, err) < 0)
        return -1;
    bool base = strcmp(b->verb, "baseos") == 0;
    if (base && !(from = build_from(b, &count, err)))
        return -1;
    if (base && count != 1)
        return err_set(err, "baseos: %s has %d FROM: a base has one", b->dockerfile, count);
    if (base && !b->tag && strcmp(from, "scratch") == 0)
        return err_set(err, "baseos: --tag is missing: FROM scratch is not a name for the image");
    if (name_parse(STORE_IMAGES, b->tag ? b->tag : from, name, err) < 0)
        return -1;
    snprintf(archive, sizeof(archive), "%s/result.tar", b->work.path);
    if ((!base && build_bases(b, err) < 0) || make_image(b, err) < 0 || save_image(b, archive, err) < 0 ||
        import_image(s, archive, name, &to, err) < 0)
        return -1;
    buf_fmt(out, "%s\tsha256:%s\n", name, to.digest);
    return 0;
}

/* An image of a registry has nothing to build. */
static int pull(struct build *b, const struct store *s, struct buf *out, struct err *err)
{
    char name[NAME_SIZE], source[NAME_SIZE + 16];
    struct stored to;
    if (name_parse(STORE_IMAGES, b->tag, name, err) < 0)
        return -1;
    if (snprintf(source, sizeof(source), "docker://%s", b->image) >= (int)sizeof(source))
        return err_set(err, "%s: --docker-image %.100s...: the name is too long", b->verb, b->image);
    if (import_image(s, source, name, &to, err) < 0)
        return -1;
    buf_fmt(out, "%s\tsha256:%s\n", name, to.digest);
    return 0;
}

static int check(const struct build *b, struct err *err)
{
    if (geteuid() != 0)
        return err_set(err, "%s: needs root: the image's files have owners", b->verb);
    if (b->isolation && strcmp(b->isolation, "host") != 0)
        return err_set(err, "%s: --isolation=%s: host is the only one in this version", b->verb, b->isolation);
    if (!b->image && !b->isolation)
        return err_set(err,
                       "%s: RUN steps would run on this host, as root: --isolation=host allows that (this version has "
                       "no builder VM)",
                       b->verb);
    if (b->ignored.len)
        log_warn("%s: a build on the host has no use for %s", b->verb, b->ignored.data);
    return 0;
}

static int make(struct build *b, struct buf *out, struct err *err)
{
    struct store store = STORE_CLOSED;
    const char *root = root_find(&b->root, PROFILE_IMAGES, err);
    int rc = !root || store_open(&store, root, true, err) < 0 ? -1 : 0;
    if (rc == 0 && b->image)
        rc = pull(b, &store, out, err);
    else if (rc == 0 && (rc = own_mounts(err)) == 0 && (rc = work_open(&b->work, &store, err)) == 0)
        rc = build(b, &store, out, err);
    work_close(&b->work);
    store_close(&store);
    return rc;
}

int ctl_build(const char *id, char **argv, struct err *err)
{
    (void)id;
    cleanup_buf struct buf out = {0};
    struct build b = {.verb = argv[0], .work = {.fd = -1}};
    int rc = build_flags(&b, argv, err) < 0 || check(&b, err) < 0 ? -1 : make(&b, &out, err);
    root_free(&b.root);
    buf_free(&b.folder);
    buf_free(&b.file);
    buf_free(&b.ignored);
    if (rc == 0 && buf_failed(&out))
        rc = err_set(err, "out of memory");
    return rc == 0 ? ctl_print(&out, false, err) : rc;
}
