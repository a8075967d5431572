/* The whole input is foreign: an archive or a layout, its JSON, the compressed data, the layers.  skopeo reads the
 * formats, and leaves plain archives of the layers in a folder; it runs as a user of its own, with a filter without
 * sockets.  Confined children of ours read its output (common/confine.h): one for the JSON, and one for each layer.
 * This process reads only the output of the first child: a configuration in the store's form (store/config.h), and
 * digests. */
#include "ctl/import.h"

#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/jsonread.h"
#include "common/layer.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/run.h"
#include "ctl/layout.h"
#include "store/config.h"
#include "store/content.h"
#include "store/work.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { JSON_MAX = 4 << 20 };

/* skopeo reads an archive's JSON into memory, whatever its size; it and rootdisk need 100 MiB for large images, and Go
 * maps 8 MiB more for each thread. */
#define MEMORY_MAX ((uint64_t)4 << 30)

struct import {
    struct work work;
    int image; /* the folder that skopeo writes */
    int tree;  /* what the layers make */
    int layer; /* one of them */
    struct buf config;
};

/* Runs a step in a child, and appends its output to said.  -1 with err, which the child has set. */
static int in_child(int (*step)(struct import *im, struct buf *said, struct err *err), struct import *im,
                    struct buf *said, struct err *err)
{
    int ends[2], status;
    char chunk[16384];
    ssize_t n;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cannot create a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        struct buf text = {0};
        int rc = step(im, &text, err);
        rc = io_write_all(ends[1], rc < 0 ? err->text : text.data, rc < 0 ? strlen(err->text) : text.len) < 0 ? -1 : rc;
        _exit(rc < 0);
    }
    close(ends[1]);
    while (pid > 0 && (n = io_read_full(ends[0], chunk, sizeof(chunk))) > 0 && said->len < 2 * JSON_MAX)
        buf_add(said, chunk, (size_t)n);
    close(ends[0]);
    if (pid < 0 || process_wait(pid, &status) < 0)
        return err_sys(err, "cannot start a process");
    buf_add(said, "", 0);
    if (!WIFEXITED(status))
        return err_set(err, "the process that reads the image was killed by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status) ? err_set(err, "%s", said->data ? said->data : "") : 0;
}

/* The digest of an object's member digest, which is a file's name. */
static bool take_digest(const struct jsonread *j, int object, char digest[SHA256_TEXT])
{
    cleanup_free char *text = jsonread_string(j, jsonread_member(j, object, "digest"));
    if (!text || strncmp(text, "sha256:", 7) != 0)
        return false;
    const char *at = text + 7;
    return sha256_take(&at, digest) && !*at;
}

static int add_layers(const struct jsonread *j, struct buf *said)
{
    char digest[SHA256_TEXT];
    for (int i = jsonread_first(j, jsonread_member(j, 0, "layers")); i >= 0; i = jsonread_next(j, i)) {
        if (!take_digest(j, i, digest))
            return -1;
        buf_fmt(said, "\n%s", digest);
    }
    return 0;
}

/* In a child: the configuration, and a line for each layer, the lowest first (OCI image-spec, manifest.md; Docker's
 * schema 2 has the same members). */
static int describe(struct import *im, struct buf *said, struct err *err)
{
    struct jsonread json;
    size_t len;
    if (confine_reading(im->image, err) < 0)
        return -1;
    cleanup_free char *manifest = io_read_file(im->image, "manifest.json", JSON_MAX, &len);
    if (!manifest || jsonread_open(&json, manifest, len) < 0)
        return err_set(err, "the image has no manifest");
    char digest[SHA256_TEXT];
    bool named = take_digest(&json, jsonread_member(&json, 0, "config"), digest);
    cleanup_free char *config = named ? io_read_file(im->image, digest, JSON_MAX, &len) : NULL;
    if (!config)
        return err_set(err, "the image's manifest names no configuration");
    if (config_take("the image's configuration", config, len, said, err) < 0)
        return -1;
    return add_layers(&json, said) < 0 ? err_set(err, "the image's manifest is malformed") : 0;
}

static int unpack(struct import *im, struct buf *said, struct err *err)
{
    (void)said;
    return confine_layer(im->tree, err) < 0 ? -1 : layer_apply(im->layer, im->tree, err);
}

static int unpack_all(struct import *im, char *layers, struct err *err)
{
    for (char *digest; layers && *(digest = strsep(&layers, "\n"));) {
        struct stat st;
        cleanup_buf struct buf said = {0};
        cleanup_close int fd = openat(im->image, digest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            return err_set(err, "the image has no layer %.64s", digest);
        im->layer = fd;
        if (in_child(unpack, im, &said, err) < 0)
            return -1;
    }
    return 0;
}

/* A folder of the work's, which belongs to that user. */
static int make_folder(const struct import *im, const char *name, uid_t uid, struct err *err)
{
    cleanup_close int fd = -1;
    if (mkdirat(im->work.fd, name, 0700) == 0)
        fd = openat(im->work.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchown(fd, uid, uid) < 0 || fchmod(fd, 0755) < 0)
        return err_sys(err, "cannot create %s/%s", im->work.path, name);
    return steal_fd(&fd);
}

/* The path in a source as skopeo names it (TRANSPORT:PATH[:REFERENCE]), of the transports that need neither network nor
 * another program, as a string of the caller's.  NULL: source is named in no such way. */
static char *named_path(const char *source)
{
    static const char *const transports[] = {"oci:", "oci-archive:", "docker-archive:", "dir:"};
    for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++) {
        const char *path = source + strlen(transports[i]);
        if (strncmp(source, transports[i], strlen(transports[i])) == 0)
            return strndup(path, strcmp(transports[i], "dir:") == 0 ? strlen(path) : strcspn(path, ":"));
    }
    return NULL;
}

/* Those that need an engine's own rights. */
static int check_transport(const char *source, struct err *err)
{
    if (strncmp(source, "docker-daemon:", 14) == 0)
        return err_set(err, "%s: save it first: docker save IMAGE >FILE, and import FILE", source);
    if (strncmp(source, "containers-storage:", 19) == 0)
        return err_set(err, "%s: save it first: podman save IMAGE >FILE, and import FILE", source);
    return 0;
}

/* skopeo's exit status; or -1 with err, also if its memory did not suffice. */
static int run_skopeo(const char *const argv[], const struct run_as *as, const char *source, struct buf *said,
                      struct err *err)
{
    char path[WORK_PATH];
    int status = run_program_as(argv, as, said, err);
    if (status > 0 && said->data && strstr(said->data, "out of memory"))
        return err_set(err, "%s: skopeo needs more than %u GiB of memory to read the image", source,
                       (unsigned)(MEMORY_MAX >> 30));
    if (status < 0 && !run_find(argv[0], path, sizeof(path)))
        err_hint(err, "install skopeo");
    else if (status < 0 && strstr(err->text, "seccomp"))
        err_hint(err, "does %.600s contain devices or FIFOs?", source);
    return status;
}

static int copy(const char *transport, const char *source, const struct import *im, uid_t uid, struct buf *said,
                struct err *err)
{
    char from[2 * WORK_PATH], to[WORK_PATH + 16], temporary[WORK_PATH + 16];
    snprintf(from, sizeof(from), "%s%s", transport, source);
    snprintf(to, sizeof(to), "dir:%s/image", im->work.path);
    snprintf(temporary, sizeof(temporary), "%s/tmp", im->work.path);
    const char *const argv[] = {"skopeo",  "--insecure-policy", "--tmpdir", temporary, "copy",
                                "--quiet", "--dest-decompress", from,       to,        NULL};
    struct run_as as = {.uid = uid, .capabilities = privilege_reading(), .copier = true, .memory = MEMORY_MAX};
    return run_skopeo(argv, &as, source, said, err);
}

/* Root's credentials for registries (containers-auth.json(5)), where there are any. */
static const char *find_credentials(void)
{
    const char *given = getenv("REGISTRY_AUTH_FILE");
    const char *const files[] = {given, "/run/containers/0/auth.json", "/root/.docker/config.json"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (files[i] && access(files[i], R_OK) == 0)
            return files[i];
    return NULL;
}

/* From a registry into a layout, as it is: who speaks to the network unpacks nothing.  The host's policy of signatures
 * and its registries hold (containers-policy.json(5), containers-registries.conf(5)). */
static int pull(const char *source, const struct import *im, uid_t uid, struct err *err)
{
    char to[WORK_PATH + 32], temporary[WORK_PATH + 16];
    cleanup_buf struct buf said = {0};
    const char *credentials = find_credentials();
    cleanup_close int folder = make_folder(im, "pulled", uid, err);
    if (folder < 0)
        return -1;
    snprintf(to, sizeof(to), "oci:%s/pulled:image", im->work.path);
    snprintf(temporary, sizeof(temporary), "%s/tmp", im->work.path);
    const char *const argv[] = {"skopeo",    "--tmpdir", temporary, "copy",
                                "--quiet",   source,     to,        credentials ? "--authfile" : NULL,
                                credentials, NULL};
    struct run_as as = {.uid = uid, .capabilities = privilege_reading(), .puller = true, .memory = MEMORY_MAX};
    int status = run_skopeo(argv, &as, source, &said, err);
    return status > 0 ? err_set(err, "%s: skopeo cannot pull the image: %.600s", source, run_last_line(&said)) : status;
}

/* An archive is docker's, or else OCI's. */
static int fetch(const char *source, const struct import *im, uid_t uid, struct err *err)
{
    struct stat st;
    char pulled[WORK_PATH + 32];
    cleanup_buf struct buf said = {0}, before = {0};
    if (strncmp(source, "docker://", 9) == 0) {
        if (pull(source, im, uid, err) < 0)
            return -1;
        snprintf(pulled, sizeof(pulled), "oci:%s/pulled:image", im->work.path);
        source = pulled;
    }
    if (check_transport(source, err) < 0)
        return -1;
    cleanup_free char *named = named_path(source);
    if (layout_check(named ? named : source, err) < 0)
        return -1;
    bool folder = !named && stat(source, &st) == 0 && S_ISDIR(st.st_mode);
    int status = copy(named ? "" : folder ? "oci:" : "docker-archive:", source, im, uid, &said, err);
    if (status > 0 && !named && !folder) {
        said.len = 0;
        status = copy("oci-archive:", source, im, uid, &said, err);
    }
    if (status > 0)
        return err_set(err, "%s: skopeo cannot read the image: %.600s", source, run_last_line(&said));
    return status;
}

/* A root directory that no layer describes gets a fixed time, so that the same image always becomes the same file. */
static void set_root_time(const struct import *im)
{
    struct stat tree, image;
    if (fstat(im->tree, &tree) == 0 && fstat(im->image, &image) == 0 && tree.st_mtime >= image.st_mtime)
        futimens(im->tree, (const struct timespec[]){{0}, {0}});
}

/* The tree's names and attributes are the layers' choice, so its reader has no right but to read. */
static int seal(const struct import *im, uid_t uid, struct err *err)
{
    char tree[WORK_PATH + 16], sealed[WORK_PATH + 16];
    cleanup_buf struct buf said = {0};
    snprintf(tree, sizeof(tree), "%s/tree", im->work.path);
    snprintf(sealed, sizeof(sealed), "%s/tmp/sealed", im->work.path);
    set_root_time(im);
    const char *const argv[] = {"rootdisk", "write", tree, sealed, NULL};
    struct run_as as = {.uid = uid, .capabilities = privilege_reading(), .copier = true, .memory = MEMORY_MAX};
    int status = run_program_as(argv, &as, &said, err);
    return status > 0 ? err_set(err, "cannot seal the image: %.600s", run_last_line(&said)) : status;
}

static int add(const struct store *s, const struct import *im, const char *name, struct stored *out, struct err *err)
{
    cleanup_close int fd = openat(im->work.fd, "tmp/sealed", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot open %s/tmp/sealed", im->work.path);
    return content_check(STORE_IMAGES, fd, name, err) < 0 ? -1
                                                          : store_add(s, STORE_IMAGES, name, fd, &im->config, out, err);
}

/* All faults of an image are found before the store changes. */
static int import(const struct store *s, struct import *im, const char *source, const char *name, struct stored *out,
                  struct err *err)
{
    uint32_t random;
    cleanup_buf struct buf said = {0};
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, "cannot choose a uid");
    uid_t uid = 0x70000000 | random >> 4; /* as VMs' users: nothing else assigns these (systemd, docs/UIDS-GIDS.md) */
    cleanup_close int temporary = make_folder(im, "tmp", uid, err);
    if (temporary < 0 || (im->image = make_folder(im, "image", uid, err)) < 0 ||
        (im->tree = make_folder(im, "tree", 0, err)) < 0 || fetch(source, im, uid, err) < 0)
        return -1;
    if (fchown(im->image, 0, 0) < 0 || in_child(describe, im, &said, err) < 0)
        return -1;
    char *layers = said.data, *config = strsep(&layers, "\n");
    buf_str(&im->config, config);
    if (buf_failed(&im->config) || buf_failed(&said))
        return err_set(err, "out of memory");
    return unpack_all(im, layers, err) < 0 || seal(im, uid, err) < 0 ? -1 : add(s, im, name, out, err);
}

int import_image(const struct store *s, const char *source, const char *name, struct stored *out, struct err *err)
{
    struct import im = {.image = -1, .tree = -1, .layer = -1};
    struct rlimit files;
    if (geteuid() != 0)
        return err_set(err, "image import needs root: the image's files have owners");
    /* Removing a tree takes a descriptor a level, and a name in an archive may have 2048 levels. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int rc = work_open(&im.work, s, err) < 0 ? -1 : import(s, &im, source, name, out, err);
    cleanup_close_p(&im.image);
    cleanup_close_p(&im.tree);
    work_close(&im.work);
    buf_free(&im.config);
    return rc;
}
