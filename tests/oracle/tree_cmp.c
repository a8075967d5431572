/* Two directories, name by name.  Hardlink groups: an inode here must always meet the same inode there,
 * and the image's link counts are those of the names that were seen. */
#include "tests/oracle/tree_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct pair {
    uint64_t dev, ino, image_ino; /* key: the first two, or {0, image_ino} for the way back */
    uint32_t seen, links;         /* names met, and the image's link count */
};

struct cmp {
    struct tree_difference *d;
    int flags;
    void *groups; /* tsearch tree of pairs */
    char path[1200];
};

__attribute__((format(printf, 2, 3))) static int differ(struct cmp *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(c->d->text, sizeof(c->d->text), "%s: ", c->path[0] ? c->path : "/");
    vsnprintf(c->d->text + n, sizeof(c->d->text) - (size_t)n, fmt, ap);
    va_end(ap);
    return -1;
}

/* --- names ------------------------------------------------------------------------------------- */

struct names {
    char **name;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->name[i]);
    free(n->name);
}

static bool left_out(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT; /* overlayfs lists a deleted name of a lower directory, but it is not there */
    return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static int names_read(int dir, bool by_rule, struct names *n)
{
    *n = (struct names){0};
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        return -1;
    size_t cap = 0;
    for (struct dirent *de; (de = readdir(d));) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 || (by_rule && left_out(dir, de->d_name)))
            continue;
        if (n->count == cap)
            n->name = realloc(n->name, (cap = cap ? cap * 2 : 16) * sizeof(*n->name));
        n->name[n->count++] = strdup(de->d_name);
    }
    closedir(d);
    if (n->count)
        qsort(n->name, n->count, sizeof(*n->name), by_name);
    return 0;
}

/* --- attributes -------------------------------------------------------------------------------- */

static bool host_only(const char *name)
{
    return strcmp(name, "security.selinux") == 0 || strncmp(name, "trusted.overlay.", 16) == 0 ||
           strncmp(name, "user.overlay.", 13) == 0;
}

static int xattr_names(const char *path, bool by_rule, struct names *n)
{
    static char list[1 << 20];
    *n = (struct names){0};
    ssize_t len = llistxattr(path, list, sizeof(list));
    if (len < 0)
        return errno == EOPNOTSUPP ? 0 : -1;
    n->name = calloc((size_t)len / 2 + 1, sizeof(*n->name));
    for (char *at = list; at < list + len; at += strlen(at) + 1)
        if ((!by_rule || !host_only(at)) && strncmp(at, "trusted.ctr-jailer.", 19) != 0) /* the image's own */
            n->name[n->count++] = strdup(at);
    qsort(n->name, n->count, sizeof(*n->name), by_name);
    return 0;
}

static int compare_xattr_values(struct cmp *c, const char *source, const char *image, const char *name)
{
    static char a[65536], b[65536];
    ssize_t n = lgetxattr(source, name, a, sizeof(a)), m = lgetxattr(image, name, b, sizeof(b));
    if (n < 0 || n != m)
        return differ(c, "attribute %s has %zd bytes, in the image %zd (%s)", name, n, m, strerror(errno));
    return memcmp(a, b, (size_t)n) == 0 ? 0 : differ(c, "attribute %s has other bytes", name);
}

static int compare_xattrs(struct cmp *c, int sdir, int idir, const char *name)
{
    char source[400], image[400];
    snprintf(source, sizeof(source), "/proc/self/fd/%d/%s", sdir, name);
    snprintf(image, sizeof(image), "/proc/self/fd/%d/%s", idir, name);
    struct names s, i;
    if (xattr_names(source, c->flags & TREE_BY_RULE, &s) < 0 || xattr_names(image, false, &i) < 0)
        return differ(c, "cannot list attributes: %s", strerror(errno));
    int rc = s.count == i.count ? 0 : differ(c, "%zu attributes, in the image %zu", s.count, i.count);
    for (size_t k = 0; rc == 0 && k < s.count; k++)
        rc = strcmp(s.name[k], i.name[k]) == 0 ? compare_xattr_values(c, source, image, s.name[k])
                                               : differ(c, "attribute %s, in the image %s", s.name[k], i.name[k]);
    names_free(&s);
    names_free(&i);
    return rc;
}

/* --- content ----------------------------------------------------------------------------------- */

static int compare_range(struct cmp *c, int source, int image, off_t at, off_t end)
{
    static char a[1 << 16], b[1 << 16];
    while (at < end) {
        size_t want = end - at < (off_t)sizeof(a) ? (size_t)(end - at) : sizeof(a);
        ssize_t n = pread(source, a, want, at), m = pread(image, b, want, at);
        if (n != (ssize_t)want || m != n)
            return differ(c, "%zd bytes at %lld, in the image %zd (%s)", n, (long long)at, m, strerror(errno));
        if (memcmp(a, b, want) != 0)
            return differ(c, "other bytes near %lld", (long long)at);
        at += n;
    }
    return 0;
}

/* Data is compared in full, and of a large hole its two ends. */
static int compare_content(struct cmp *c, int source, int image, off_t size)
{
    const off_t edge = 1 << 16;
    off_t at = 0;
    while (at < size) {
        off_t data = lseek(source, at, SEEK_DATA);
        if (data < 0)
            data = size;
        if (data - at > 2 * edge) {
            if (compare_range(c, source, image, at, at + edge) < 0 ||
                compare_range(c, source, image, data - edge, data) < 0)
                return -1;
            at = data;
        }
        off_t hole = data < size ? lseek(source, data, SEEK_HOLE) : size;
        if (compare_range(c, source, image, at, hole) < 0)
            return -1;
        at = hole;
    }
    char byte;
    return pread(image, &byte, 1, size) == 0 ? 0 : differ(c, "the image has more bytes");
}

static int compare_files(struct cmp *c, int sdir, int idir, const char *name, off_t size)
{
    int source = openat(sdir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int image = openat(idir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int rc = source < 0 || image < 0 ? differ(c, "cannot open: %s", strerror(errno))
                                     : compare_content(c, source, image, size);
    close(source);
    close(image);
    return rc;
}

static int compare_targets(struct cmp *c, int sdir, int idir, const char *name)
{
    char a[8192], b[8192];
    ssize_t n = readlinkat(sdir, name, a, sizeof(a)), m = readlinkat(idir, name, b, sizeof(b));
    return n >= 0 && n == m && memcmp(a, b, (size_t)n) == 0 ? 0 : differ(c, "other link target (%zd, %zd)", n, m);
}

/* --- hardlinks --------------------------------------------------------------------------------- */

static int by_inode(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return x->dev != y->dev ? (x->dev < y->dev ? -1 : 1) : x->ino != y->ino ? (x->ino < y->ino ? -1 : 1) : 0;
}

static struct pair *group(struct cmp *c, uint64_t dev, uint64_t ino, uint64_t image_ino, uint32_t links)
{
    struct pair *p = malloc(sizeof(*p));
    *p = (struct pair){dev, ino, image_ino, 0, links};
    struct pair **found = tsearch(p, &c->groups, by_inode);
    if (*found != p)
        free(p);
    (*found)->seen++;
    return *found;
}

static int compare_links(struct cmp *c, const struct stat *s, const struct stat *i)
{
    if (group(c, s->st_dev + 1, s->st_ino, i->st_ino, (uint32_t)i->st_nlink)->image_ino != i->st_ino)
        return differ(c, "hardlinks of one file are several in the image");
    if (group(c, 0, i->st_ino, s->st_ino, (uint32_t)i->st_nlink)->image_ino != s->st_ino)
        return differ(c, "several files are hardlinks of one in the image");
    return 0;
}

static struct cmp *counting;

static void check_count(const void *node, VISIT which, int depth)
{
    (void)depth;
    const struct pair *p = *(struct pair *const *)node;
    if ((which == postorder || which == leaf) && p->dev == 0 && p->seen != p->links && !counting->d->text[0]) {
        counting->path[0] = '\0';
        differ(counting, "image inode %llu has %u names and link count %u", (unsigned long long)p->ino, p->seen,
               p->links);
    }
}

/* --- one name ---------------------------------------------------------------------------------- */

static int compare_stat(struct cmp *c, const struct stat *s, const struct stat *i)
{
    if (s->st_mode != i->st_mode)
        return differ(c, "mode %o, in the image %o", s->st_mode, i->st_mode);
    if (s->st_uid != i->st_uid || s->st_gid != i->st_gid)
        return differ(c, "owner %u:%u, in the image %u:%u", s->st_uid, s->st_gid, i->st_uid, i->st_gid);
    if (s->st_mtim.tv_sec != i->st_mtim.tv_sec || s->st_mtim.tv_nsec != i->st_mtim.tv_nsec)
        return differ(c, "mtime %lld.%09ld, in the image %lld.%09ld", (long long)s->st_mtim.tv_sec, s->st_mtim.tv_nsec,
                      (long long)i->st_mtim.tv_sec, i->st_mtim.tv_nsec);
    if ((S_ISCHR(s->st_mode) || S_ISBLK(s->st_mode)) && s->st_rdev != i->st_rdev)
        return differ(c, "device %llx, in the image %llx", (unsigned long long)s->st_rdev,
                      (unsigned long long)i->st_rdev);
    if ((S_ISREG(s->st_mode) || S_ISLNK(s->st_mode)) && s->st_size != i->st_size)
        return differ(c, "%lld bytes, in the image %lld", (long long)s->st_size, (long long)i->st_size);
    return 0;
}

static int compare_directories(struct cmp *c, int source, int image, const struct stat *st);

static int compare_child(struct cmp *c, int sdir, int idir, const char *name, const struct stat *i)
{
    int source = openat(sdir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int image = openat(idir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = source < 0 || image < 0 ? differ(c, "cannot open: %s", strerror(errno))
                                     : compare_directories(c, source, image, i);
    close(source);
    close(image);
    return rc;
}

static int compare_name(struct cmp *c, int sdir, int idir, const char *name, uint32_t *subdirs)
{
    struct stat s, i;
    if (fstatat(sdir, name, &s, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(idir, name, &i, AT_SYMLINK_NOFOLLOW) < 0)
        return differ(c, "cannot stat: %s", strerror(errno));
    c->d->compared++;
    if (compare_stat(c, &s, &i) < 0)
        return -1;
    if (!(c->flags & TREE_NO_XATTRS) && compare_xattrs(c, sdir, idir, name) < 0)
        return -1;
    *subdirs += S_ISDIR(s.st_mode);
    if (S_ISDIR(s.st_mode))
        return compare_child(c, sdir, idir, name, &i);
    if (compare_links(c, &s, &i) < 0)
        return -1;
    if (S_ISREG(s.st_mode))
        return compare_files(c, sdir, idir, name, s.st_size);
    return S_ISLNK(s.st_mode) ? compare_targets(c, sdir, idir, name) : 0;
}

static int compare_directories(struct cmp *c, int source, int image, const struct stat *st)
{
    struct names s, i;
    if (names_read(source, c->flags & TREE_BY_RULE, &s) < 0 || names_read(image, false, &i) < 0)
        return differ(c, "cannot read the directory: %s", strerror(errno));
    size_t used = strlen(c->path);
    uint32_t subdirs = 0;
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < s.count && k < i.count; k++) {
        snprintf(c->path + used, sizeof(c->path) - used, "/%s", s.name[k]);
        rc = strcmp(s.name[k], i.name[k]) == 0 ? compare_name(c, source, image, s.name[k], &subdirs)
                                               : differ(c, "in the image %s", i.name[k]);
    }
    c->path[used] = rc == 0 ? '\0' : c->path[used];
    if (rc == 0 && s.count != i.count)
        rc = differ(c, "%zu names, in the image %zu", s.count, i.count);
    if (rc == 0 && st->st_nlink != subdirs + 2)
        rc = differ(c, "%u subdirectories, and link count %lu in the image", subdirs, (unsigned long)st->st_nlink);
    names_free(&s);
    names_free(&i);
    return rc;
}

int tree_compare(int source, int image, int flags, struct tree_difference *d)
{
    static struct cmp c;
    c = (struct cmp){.d = d, .flags = flags};
    *d = (struct tree_difference){0};
    struct stat s, i;
    int rc = fstat(source, &s) < 0 || fstat(image, &i) < 0 ? differ(&c, "cannot stat: %s", strerror(errno)) : 0;
    if (rc == 0 && compare_stat(&c, &s, &i) == 0 &&
        ((flags & TREE_NO_XATTRS) || compare_xattrs(&c, source, image, ".") == 0))
        compare_directories(&c, source, image, &i);
    counting = &c;
    if (!d->text[0])
        twalk(c.groups, check_count);
    tdestroy(c.groups, free);
    return d->text[0] ? -1 : 0;
}
