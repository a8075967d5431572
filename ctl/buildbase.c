/* Images of the store as bases.  An image in the store is a filesystem and a configuration; buildah gets them as an
 * image of one layer, in containers/image's "dir" format: manifest.json (docker's schema 2), and blobs named by their
 * digest. */
#include "common/cleanup.h"
#include "common/io.h"
#include "common/layer.h"
#include "common/pack.h"
#include "common/process.h"
#include "common/run.h"
#include "ctl/build.h"
#include "ctl/dockerfile.h"
#include "store/config.h"
#include "store/copy.h"
#include "store/name.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define V2S2 "application/vnd.docker."
enum { DOCKERFILE_MAX = 4 << 20 };

static char *read_dockerfile(const struct build *b, struct err *err)
{
    char *text = io_read_file(AT_FDCWD, b->file.data, DOCKERFILE_MAX, NULL);
    if (!text)
        err_sys(err, "%s: cannot read %s", b->verb, b->file.data);
    return text;
}

struct first {
    char *name;
    int count;
};

static int count_from(void *arg, char *name, bool first)
{
    struct first *f = arg;
    f->count += first;
    if (first && !f->name && !(f->name = strdup(name)))
        return -1;
    return 0;
}

char *build_from(const struct build *b, int *count, struct err *err)
{
    struct first f = {0};
    cleanup_free char *text = read_dockerfile(b, err);
    if (!text)
        return NULL;
    if (dockerfile_names(text, &b->arguments, count_from, &f) < 0)
        err_set(err, "out of memory");
    else if (!f.name)
        err_set(err, "%s: %s has no FROM", b->verb, b->file.data);
    *count = f.count;
    return f.name;
}

/* The tree at path, as an archive in the folder, named by its digest.  In a child: tar_pack changes the directory. */
static int pack(int folder, const char *path, char digest[SHA256_TEXT], struct err *err)
{
    int status;
    bool incomplete = false;
    cleanup_close int fd = openat(folder, "layer", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    pid_t pid = fd < 0 ? -1 : fork();
    if (pid == 0)
        _exit(tar_pack(fd, path, ".", "", &incomplete, err) < 0 || incomplete);
    if (pid < 0 || process_wait(pid, &status) < 0)
        return err_sys(err, "cannot pack %s", path);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return err_set(err, "cannot pack %s", path);
    if (lseek(fd, 0, SEEK_SET) < 0 || copy_in(fd, -1, digest) < 0 || renameat(folder, "layer", folder, digest) < 0)
        return err_sys(err, "cannot pack %s", path);
    return 0;
}

static int put(int folder, const char *name, const struct buf *text, struct err *err)
{
    cleanup_close int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (buf_failed(text))
        return err_set(err, "out of memory");
    return fd < 0 || io_write_all(fd, text->data, text->len) < 0 ? err_sys(err, "cannot write %s", name) : 0;
}

/* Everything but the layer, which is there. */
static int describe(int folder, const char *config, const char *layer, struct err *err)
{
    struct stat st;
    struct sha256 hash;
    char digest[SHA256_TEXT];
    cleanup_buf struct buf text = {0}, manifest = {0}, version = {0};
    if (fstatat(folder, layer, &st, 0) < 0)
        return err_sys(err, "cannot read a layer");
    buf_fmt(&text,
            "{\"architecture\":\"" CONFIG_MACHINE "\",\"os\":\"linux\",\"config\":%s,"
            "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
            config, layer);
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    sha256_start(&hash);
    sha256_add(&hash, text.data, text.len);
    sha256_text(&hash, digest);
    buf_fmt(&manifest,
            "{\"schemaVersion\":2,\"mediaType\":\"" V2S2
            "distribution.manifest.v2+json\",\"config\":{\"mediaType\":\"" V2S2
            "container.image.v1+json\",\"size\":%zu,\"digest\":\"sha256:%s\"},\"layers\":[{\"mediaType\":\"" V2S2
            "image.rootfs.diff.tar\",\"size\":%lld,\"digest\":\"sha256:%s\"}]}",
            text.len, digest, (long long)st.st_size, layer);
    buf_str(&version, "Directory Transport Version: 1.1\n");
    return put(folder, digest, &text, err) < 0 || put(folder, "manifest.json", &manifest, err) < 0
               ? -1
               : put(folder, "version", &version, err);
}

static int load(struct build *b, const char *given, const struct stored *image, struct err *err)
{
    char tree[WORK_PATH + 16], file[2 * WORK_PATH], source[WORK_PATH + 16], layer[SHA256_TEXT];
    const struct store *s = b->work.store;
    cleanup_buf struct buf said = {0}, id = {0}, none = {0};
    snprintf(tree, sizeof(tree), "%s/seen", b->work.path);
    snprintf(file, sizeof(file), "%s/sha256/%s", s->root, image->digest);
    snprintf(source, sizeof(source), "dir:%s/base", b->work.path);
    cleanup_free char *config = *image->config ? store_config(s, image->config, err) : strdup("{}");
    if (!config)
        return -1;
    if (mkdirat(b->work.fd, "base", 0700) < 0 || mkdirat(b->work.fd, "seen", 0700) < 0)
        return err_sys(err, "cannot create %s/base", b->work.path);
    cleanup_close int folder = openat(b->work.fd, "base", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *const mounting[] = {"mount", "-t", "erofs", "-o", "loop,ro,nodev,nosuid,noexec", file, tree, NULL};
    int status = run_program(mounting, NULL, 0, NULL, &said, err);
    if (status != 0)
        return status < 0 ? -1
                          : err_set(err, "%s: cannot mount the base %s: %.300s", b->verb, given, run_last_line(&said));
    int rc = folder < 0 || pack(folder, tree, layer, err) < 0 || describe(folder, config, layer, err) < 0 ? -1 : 0;
    umount2(tree, MNT_DETACH);
    const char *const pulling[] = {"pull", "-q", source, NULL};
    if (rc < 0 || build_buildah(b, pulling, &id, given, err) < 0)
        return -1;
    const char *const tagging[] = {"tag", run_last_line(&id), given, NULL};
    rc = build_buildah(b, tagging, &none, given, err);
    layer_remove(b->work.fd, "base");
    layer_remove(b->work.fd, "seen");
    return rc;
}

struct loading {
    struct build *build;
    struct err *err;
    struct list loaded;
};

static int load_one(void *arg, char *given, bool first)
{
    (void)first;
    struct loading *l = arg;
    struct stored image;
    char name[NAME_SIZE];
    for (size_t i = 0; i < l->loaded.count; i++)
        if (strcmp(l->loaded.items[i], given) == 0)
            return 0;
    if (name_parse(STORE_IMAGES, given, name, NULL) < 0 ||
        store_find(l->build->work.store, STORE_IMAGES, name, &image, NULL) < 0)
        return 0;
    list_add(&l->loaded, strdup(given)); /* kept as long as this process lives */
    if (l->loaded.failed)
        return err_set(l->err, "out of memory");
    return load(l->build, given, &image, l->err);
}

int build_bases(struct build *b, struct err *err)
{
    struct loading l = {.build = b, .err = err};
    cleanup_free char *text = read_dockerfile(b, err);
    int rc = text ? dockerfile_names(text, &b->arguments, load_one, &l) : -1;
    if (rc < 0 && text)
        err_set(err, "out of memory"); /* unless load_one has said why */
    free(l.loaded.items);
    return rc;
}
