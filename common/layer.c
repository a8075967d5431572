/* A whiteout, an empty file .wh.NAME, removes NAME from the layers below; .wh..wh..opq removes all that they have in
 * its folder.  Neither affects what the layer itself makes there, before or after it in the archive.  So the archive is
 * read twice: the first reading only removes, while the folder has nothing of this layer yet.
 *
 * As in overlayfs, if a layer has an entry below a name, the layer has a directory of that name, even if the archive
 * does not list it.  The directory hides a link or a file of that name in the layers below, whose links are never
 * followed. */
#include "common/layer.h"

#include "common/beneath.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/tar.h"
#include "common/unpack.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPAQUE ".wh..wh..opq"

static const char *last_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int remove_content(int folder);

int layer_remove(int folder, const char *entry)
{
    if (unlinkat(folder, entry, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    cleanup_close int fd = openat(folder, entry, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 || remove_content(fd) < 0 ? -1 : unlinkat(folder, entry, AT_REMOVEDIR);
}

/* The names in a folder, each followed by a NUL.  A folder that changes while it is read may be listed in part. */
static int list(int folder, struct buf *names)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        cleanup_close_p(&fd);
        return -1;
    }
    errno = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            buf_add(names, e->d_name, strlen(e->d_name) + 1);
    int failed = errno ? errno : names->failed ? ENOMEM : 0;
    closedir(d);
    errno = failed;
    return failed ? -1 : 0;
}

static int remove_content(int folder)
{
    cleanup_buf struct buf names = {0};
    if (list(folder, &names) < 0)
        return -1;
    for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1)
        if (layer_remove(folder, names.data + at) < 0)
            return -1;
    return 0;
}

/* Replaces the file or link that is in the way of path (normal, not "") by an empty directory.  -1 with errno. */
static int hide(int dir, const char *path)
{
    cleanup_close int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    while (at >= 0) {
        char entry[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        snprintf(entry, sizeof(entry), "%.*s", (int)len, path);
        int next = openat(at, entry, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && errno == ENOTDIR)
            return unlinkat(at, entry, 0) < 0 ? -1 : mkdirat(at, entry, 0755);
        close(at);
        at = next;
        path += len + (path[len] == '/');
    }
    return -1;
}

/* The folder that path is in; -1 with errno, ENOENT if it is not there. */
static int open_parent(int dir, const char *path)
{
    char parent[TAR_PATH];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return fcntl(dir, F_DUPFD_CLOEXEC, 3);
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    int fd = beneath_walk(dir, parent, O_PATH | O_DIRECTORY, 0);
    if (fd >= 0 || errno != ENOTDIR || hide(dir, parent) < 0)
        return fd;
    return beneath_walk(dir, parent, O_PATH | O_DIRECTORY, 0);
}

/* Removes what a member that is not a whiteout replaces: a folder replaces everything except a folder, and any other
 * member replaces everything. */
static int make_way(int parent, const char *entry, bool folder)
{
    if (!folder)
        return layer_remove(parent, entry);
    cleanup_close int fd = openat(parent, entry, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 || errno == ENOENT ? 0 : layer_remove(parent, entry);
}

static int remove_for(int dir, const struct tar_member *m)
{
    const char *entry = last_of(m->path);
    cleanup_close int parent = open_parent(dir, m->path);
    if (parent < 0)
        return errno == ENOENT ? 0 : -1;
    if (!*entry) /* the layer's own folder */
        return 0;
    if (!unpack_is_whiteout(m->path))
        return make_way(parent, entry, m->type == '5');
    if (strcmp(entry, OPAQUE) == 0)
        return remove_content(parent);
    entry += strlen(UNPACK_WHITEOUT);
    if (strncmp(entry, UNPACK_WHITEOUT, strlen(UNPACK_WHITEOUT)) == 0) /* a note of aufs */
        return 0;
    if (!*entry || strcmp(entry, ".") == 0 || strcmp(entry, "..") == 0) {
        errno = EINVAL;
        return -1;
    }
    return layer_remove(parent, entry);
}

/* Skips data.  Unpacking finds an archive that ends early. */
static int remove_all(int in, int dir, struct tar_member *m, struct err *err)
{
    int got;
    while ((got = tar_next(in, m, err)) == 1) {
        if (!tar_normalize(m->path))
            return err_set(err, "%s: a name with .. in the layer", m->path);
        if (remove_for(dir, m) < 0)
            return err_sys(err, "%s: cannot replace or remove what the layers below have there", m->path);
        bool data = m->type == '0' || m->type == '7';
        if (data && (m->size > INT64_MAX - TAR_BLOCK ||
                     lseek(in, (off_t)((m->size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK), SEEK_CUR) < 0))
            return err_set(err, "%s: its size is out of bounds", m->path);
    }
    return got;
}

int layer_apply(int in, int dir, struct err *err)
{
    const struct unpack_plan plan = {.member = ".", .name = "", .strange = true, .exact = true, .layer = true};
    static struct tar_member m;
    if (lseek(in, 0, SEEK_SET) < 0)
        return err_sys(err, "cannot read a layer");
    int rc = remove_all(in, dir, &m, err);
    buf_free(&m.attributes);
    if (rc < 0)
        return -1;
    if (lseek(in, 0, SEEK_SET) < 0)
        return err_sys(err, "cannot read a layer");
    return tar_unpack(in, dir, &plan, err);
}
