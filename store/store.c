/* A change: lock, clear what a killed process left, link the file, make the name under another name and rename it,
 * sweep up the file that has lost its last name.  Each directory is synced before the next step relies on it. */
#include "store/store.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "store/copy.h"
#include "store/name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define TARGET "../sha256/"
#define NEW ".new" /* no name begins with a dot */
enum { TARGET_SIZE = sizeof(TARGET) + 2 * SHA256_TEXT, CONFIG_MAX = 1 << 20 };
static const char *const folders[STORE_KINDS] = {"kernels", "images"};

static int open_folder(const struct store *s, const char *name, bool make, struct err *err)
{
    if (make)
        mkdirat(s->dir, name, 0700);
    int fd = openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 ? fd : err_sys(err, "cannot open the store's directory %s/%s", s->root, name);
}

/* A process that was killed before its fsync may have made the directory that this process found. */
static int sync_folders(const struct store *s, struct err *err)
{
    cleanup_close int above = openat(s->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0 || fsync(s->dir) < 0 || fsync(above) < 0)
        return err_sys(err, "cannot sync the store %s", s->root);
    return 0;
}

int store_open(struct store *s, const char *root, bool make, struct err *err)
{
    struct stat st;
    *s = (struct store)STORE_CLOSED;
    s->root = root;
    if (make && mkdir(root, 0700) < 0 && errno != EEXIST)
        return err_sys(err, "cannot create the store %s", root);
    s->dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0 || fstat(s->dir, &st) < 0)
        return err_sys(err, "cannot open the store %s", root);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err, "the store %s: another user owns it or may write to it (chown and chmod go-w)", root);
    if ((s->blobs = open_folder(s, "sha256", make, err)) < 0)
        return -1;
    for (int i = 0; i < STORE_KINDS; i++)
        if ((s->names[i] = open_folder(s, folders[i], make, err)) < 0)
            return -1;
    return make ? sync_folders(s, err) : 0;
}

void store_close(struct store *s)
{
    cleanup_close_p(&s->dir);
    cleanup_close_p(&s->blobs);
    for (int i = 0; i < STORE_KINDS; i++)
        cleanup_close_p(&s->names[i]);
    *s = (struct store)STORE_CLOSED;
}

/* Turns a name into the form of the store's directories, and back. */
static void replace(char name[NAME_SIZE], const char *from, char by, char that)
{
    snprintf(name, NAME_SIZE, "%s", from);
    for (char *c = name; (c = strchr(c, that));)
        *c = by;
}

/* What a link leads to.  -1 with errno: EINVAL if the link is not one of the store's. */
static int read_link(int folder, const char *entry, struct stored *out)
{
    char target[TARGET_SIZE + 1];
    ssize_t len = readlinkat(folder, entry, target, sizeof(target) - 1);
    if (len < 0)
        return -1;
    target[len] = '\0';
    const char *text = target + strlen(TARGET);
    *out = (struct stored){0};
    if (strncmp(target, TARGET, strlen(TARGET)) == 0 && sha256_take(&text, out->digest) &&
        (*text != '+' || (text++, sha256_take(&text, out->config))) && !*text)
        return 0;
    errno = EINVAL;
    return -1;
}

int store_find(const struct store *s, enum store_kind kind, const char *name, struct stored *out, struct err *err)
{
    char entry[NAME_SIZE];
    replace(entry, name, '+', '/');
    if (read_link(s->names[kind], entry, out) == 0)
        return 0;
    return errno == ENOENT ? err_set(err, "%s: is not in the store %s", name, s->root)
                           : err_sys(err, "%s: cannot read %s/%s/%s", name, s->root, folders[kind], entry);
}

static int is_shown(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int store_list(const struct store *s, enum store_kind kind, int (*found)(void *arg, const char *name), void *arg,
               struct err *err)
{
    struct dirent **entries;
    char name[NAME_SIZE];
    int rc = 0, count = scandirat(s->names[kind], ".", &entries, is_shown, by_bytes);
    if (count < 0)
        return err_sys(err, "cannot read %s/%s", s->root, folders[kind]);
    for (int i = 0; i < count && rc == 0; i++) {
        replace(name, entries[i]->d_name, '/', '+');
        rc = found(arg, name);
    }
    free_entries(entries, count);
    return rc;
}

struct digests {
    char (*list)[SHA256_TEXT]; /* owned */
    size_t count;
};

/* The digests that the names of a kind lead to. -1 if one of them is uncertain. */
static int add_named(const struct store *s, int kind, struct digests *d)
{
    struct dirent **entries;
    struct stored to;
    int rc = 0, count = scandirat(s->names[kind], ".", &entries, is_shown, NULL);
    char(*more)[SHA256_TEXT] =
        count < 0 ? NULL : reallocarray(d->list, d->count + 2 * (size_t)count + 1, sizeof(*more));
    d->list = more ? more : d->list;
    for (int i = 0; more && i < count && rc == 0; i++)
        if (read_link(s->names[kind], entries[i]->d_name, &to) == 0) {
            memcpy(more[d->count++], to.digest, SHA256_TEXT);
            memcpy(more[d->count++], to.config, SHA256_TEXT);
        } else {
            rc = errno == ENOENT ? 0 : -1;
        }
    if (count >= 0)
        free_entries(entries, count);
    return more ? rc : -1;
}

static bool is_named(const struct digests *d, const char *digest)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->list[i], digest) == 0)
            return true;
    return false;
}

/* Removes the files that no name leads to; in doubt, removes none and returns -1 with errno.  told: NULL, or gets a
 * line for each. */
static int sweep(const struct store *s, struct buf *told)
{
    struct digests named = {0};
    struct dirent **entries;
    int rc = 0;
    for (int kind = 0; kind < STORE_KINDS && rc == 0; kind++)
        rc = add_named(s, kind, &named);
    int count = rc < 0 ? -1 : scandirat(s->blobs, ".", &entries, is_shown, NULL);
    for (int i = 0; i < count; i++)
        if (!is_named(&named, entries[i]->d_name)) {
            if (unlinkat(s->blobs, entries[i]->d_name, 0) < 0)
                rc = -1;
            else if (told)
                buf_fmt(told, "sha256:%s\n", entries[i]->d_name);
        }
    if (count >= 0)
        free_entries(entries, count);
    free(named.list);
    return count < 0 ? -1 : rc;
}

/* A descriptor whose closing ends the lock, or -1 with err. */
static int lock(const struct store *s, struct err *err)
{
    cleanup_close int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;
    while ((rc = fd < 0 ? -1 : flock(fd, LOCK_EX)) < 0 && errno == EINTR)
        continue;
    if (rc < 0)
        return err_sys(err, "cannot lock the store %s", s->root);
    for (int kind = 0; kind < STORE_KINDS; kind++)
        if (unlinkat(s->names[kind], NEW, 0) < 0 && errno != ENOENT)
            return err_sys(err, "cannot remove %s/%s/" NEW, s->root, folders[kind]);
    return steal_fd(&fd);
}

/* Under the lock. */
static int point(const struct store *s, enum store_kind kind, const char *name, const struct stored *to,
                 struct err *err)
{
    char target[TARGET_SIZE], entry[NAME_SIZE];
    snprintf(target, sizeof(target), TARGET "%s%s%s", to->digest, *to->config ? "+" : "", to->config);
    replace(entry, name, '+', '/');
    int folder = s->names[kind];
    if (symlinkat(target, folder, NEW) == 0) {
        if (renameat(folder, NEW, folder, entry) == 0)
            return fsync(folder) == 0 ? 0 : err_sys(err, "%s: cannot sync %s/%s", name, s->root, folders[kind]);
        err_sys(err, "%s: cannot create %s/%s/%s", name, s->root, folders[kind], entry);
        unlinkat(folder, NEW, 0);
        return -1;
    }
    return err_sys(err, "%s: cannot create a link in %s/%s", name, s->root, folders[kind]);
}

/* A file that already exists is as complete as this one. */
static int link_blob(const struct store *s, int fd, const char *digest, struct err *err)
{
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if ((linkat(AT_FDCWD, self, s->blobs, digest, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST) || fsync(fd) < 0 ||
        fsync(s->blobs) < 0)
        return err_sys(err, "cannot create %s/sha256/%s", s->root, digest);
    return 0;
}

static int new_blob(const struct store *s, struct err *err)
{
    int fd = openat(s->blobs, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    err_sys(err, "cannot create a file in %s/sha256", s->root);
    if (errno == EOPNOTSUPP)
        err_hint(err, "its filesystem has no O_TMPFILE: put the store on ext4, XFS, Btrfs or tmpfs");
    return -1;
}

static int write_text(int fd, const struct buf *text, char digest[SHA256_TEXT])
{
    struct sha256 sum;
    sha256_start(&sum);
    sha256_add(&sum, text->data, text->len);
    sha256_text(&sum, digest);
    return io_write_all(fd, text->data, text->len);
}

int store_add(const struct store *s, enum store_kind kind, const char *name, int from, const struct buf *config,
              struct stored *out, struct err *err)
{
    *out = (struct stored){0};
    cleanup_close int fd = new_blob(s, err), text = fd >= 0 && config ? new_blob(s, err) : -1;
    if (fd < 0 || (config && text < 0))
        return -1;
    if (copy_in(from, fd, out->digest) < 0 || fchmod(fd, 0444) < 0 || fsync(fd) < 0 ||
        (config && (write_text(text, config, out->config) < 0 || fchmod(text, 0444) < 0 || fsync(text) < 0)))
        return err_sys(err, "cannot copy %s into the store %s", name, s->root);
    cleanup_close int held = lock(s, err);
    if (held < 0)
        return -1;
    int rc = link_blob(s, fd, out->digest, err);
    if (rc == 0 && config)
        rc = link_blob(s, text, out->config, err);
    if (rc == 0)
        rc = point(s, kind, name, out, err);
    sweep(s, NULL); /* a failure is not reported: the next change tries again */
    return rc;
}

int store_tag(const struct store *s, enum store_kind kind, const char *name, const char *other, struct err *err)
{
    struct stored to;
    cleanup_close int held = lock(s, err);
    if (held < 0 || store_find(s, kind, name, &to, err) < 0)
        return -1;
    int rc = point(s, kind, other, &to, err);
    sweep(s, NULL);
    return rc;
}

int store_remove(const struct store *s, enum store_kind kind, const char *name, struct err *err)
{
    struct stored to;
    char entry[NAME_SIZE];
    cleanup_close int held = lock(s, err);
    if (held < 0 || store_find(s, kind, name, &to, err) < 0)
        return -1;
    replace(entry, name, '+', '/');
    if (unlinkat(s->names[kind], entry, 0) < 0 || fsync(s->names[kind]) < 0)
        return err_sys(err, "%s: cannot remove %s/%s/%s", name, s->root, folders[kind], entry);
    sweep(s, NULL);
    return 0;
}

int store_prune(const struct store *s, struct buf *told, struct err *err)
{
    cleanup_close int held = lock(s, err);
    if (held < 0)
        return -1;
    return sweep(s, told) < 0 ? err_sys(err, "cannot remove all files without a name from the store %s", s->root) : 0;
}

char *store_config(const struct store *s, const char *digest, struct err *err)
{
    uint64_t size;
    if (store_check(s, digest, true, &size, err) < 0)
        return NULL;
    char *text = io_read_file(s->blobs, digest, CONFIG_MAX, NULL);
    if (!text)
        err_sys(err, "cannot read %s/sha256/%s", s->root, digest);
    return text;
}

int store_check(const struct store *s, const char *digest, bool verify, uint64_t *size, struct err *err)
{
    struct stat st;
    char found[SHA256_TEXT];
    cleanup_close int fd = openat(s->blobs, digest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "cannot open %s/sha256/%s", s->root, digest);
    *size = (uint64_t)st.st_size;
    if (!verify)
        return 0;
    if (copy_in(fd, -1, found) < 0)
        return err_sys(err, "cannot read %s/sha256/%s", s->root, digest);
    if (strcmp(found, digest) == 0)
        return 0;
    err_set(err, "%s/sha256/%s: the content has changed: it is now that of %s", s->root, digest, found);
    err_hint(err, "remove its names and add it again");
    return -1;
}
