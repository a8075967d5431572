#include "common/pack.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/tar.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* A file with several names: the later ones become links to the first. */
struct linked {
    dev_t dev;
    ino_t ino;
    char *name;
};

struct pack {
    int out;
    /* The path being packed, and its link's target.  They are not on the stack, because folders may be nested as deeply
     * as a path is long. */
    char path[4096], target[4096];
    const char *member, *name; /* name in the archive; "": member */
    bool incomplete;
    struct linked *linked;
    size_t linked_count;
};

uint32_t tar_checksum(const struct tar_header *h)
{
    uint32_t sum = 0;
    size_t at = offsetof(struct tar_header, checksum);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i - at < sizeof(h->checksum) ? ' ' : ((const uint8_t *)h)[i];
    return sum;
}

static void leave_out(struct pack *p, const char *path, const char *why)
{
    log_warn("%s: %s", path, why);
    p->incomplete = true;
}

static int put_padding(struct pack *p, uint64_t size)
{
    static const char zeros[TAR_BLOCK];
    return io_write_all(p->out, zeros, (size_t)(-size & (TAR_BLOCK - 1)));
}

/* Octal, if there is room; otherwise, the field stays 0, and a pax record has the value. */
static bool octal(char *field, size_t size, uint64_t value)
{
    bool fits = value >> (3 * (size - 1)) == 0;
    snprintf(field, size, "%0*llo", (int)size - 1, fits ? (unsigned long long)value : 0);
    return fits;
}

/* "LENGTH KEYWORD=VALUE\n", where the length counts its own digits too. */
static void record(struct buf *out, const char *keyword, const void *value, size_t len)
{
    size_t rest = strlen(keyword) + len + 3, total = rest, before;
    do {
        before = total;
        total = rest + (size_t)snprintf(NULL, 0, "%zu", before);
    } while (total != before);
    buf_fmt(out, "%zu %s=", total, keyword);
    buf_add(out, value, len);
    buf_str(out, "\n");
}

static void number_record(struct buf *out, const char *keyword, uint64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    record(out, keyword, text, (size_t)n);
}

/* Attributes are listed as names, each with its NUL. */
static void attribute_records(struct buf *out, const char *path)
{
    char names[65536], value[65536], keyword[300];
    ssize_t len = llistxattr(path, names, sizeof(names));
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t n = lgetxattr(path, names + at, value, sizeof(value));
        snprintf(keyword, sizeof(keyword), "SCHILY.xattr.%s", names + at);
        if (n >= 0)
            record(out, keyword, value, (size_t)n);
    }
}

static int put_header(struct pack *p, struct tar_header *h)
{
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    octal(h->checksum, 7, tar_checksum(h));
    h->checksum[7] = ' ';
    return io_write_all(p->out, h, sizeof(*h));
}

/* The name in the archive for the file called path here. */
static const char *archive_name(const struct pack *p, const char *path, char out[TAR_PATH])
{
    if (!*p->name || !*path)
        return path;
    snprintf(out, TAR_PATH, "%s%s", p->name, path + strlen(p->member));
    return out;
}

/* Writes the header, after a pax header with the values that do not fit in it. */
static int put_headers(struct pack *p, struct tar_header *h, const char *source, const char *link, uint64_t size,
                       const struct stat *st)
{
    cleanup_buf struct buf records = {0};
    char path_text[TAR_PATH], link_text[TAR_PATH];
    const char *path = archive_name(p, source, path_text);
    if (h->type == '1')
        link = archive_name(p, link, link_text);
    if (strlen(path) >= sizeof(h->name))
        record(&records, "path", path, strlen(path));
    if (strlen(link) >= sizeof(h->link))
        record(&records, "linkpath", link, strlen(link));
    snprintf(h->name, sizeof(h->name), "%s", path);
    snprintf(h->link, sizeof(h->link), "%s", link);
    octal(h->mode, sizeof(h->mode), st->st_mode & 07777);
    if (!octal(h->uid, sizeof(h->uid), st->st_uid))
        number_record(&records, "uid", st->st_uid);
    if (!octal(h->gid, sizeof(h->gid), st->st_gid))
        number_record(&records, "gid", st->st_gid);
    if (!octal(h->size, sizeof(h->size), size))
        number_record(&records, "size", size);
    if (!octal(h->mtime, sizeof(h->mtime), (uint64_t)st->st_mtim.tv_sec) || st->st_mtim.tv_nsec) {
        char text[48]; /* a time before 1970 counts down: -1.5 s is -2 s and a half */
        long long s = st->st_mtim.tv_sec;
        long ns = st->st_mtim.tv_nsec;
        bool minus = s < 0 && ns > 0;
        int n = snprintf(text, sizeof(text), "%s%lld.%09ld", minus && s == -1 ? "-" : "", s + minus,
                         minus ? 1000000000 - ns : ns);
        record(&records, "mtime", text, (size_t)n);
    }
    octal(h->major, sizeof(h->major), major(st->st_rdev));
    octal(h->minor, sizeof(h->minor), minor(st->st_rdev));
    if (h->type != '1')
        attribute_records(&records, source);
    struct tar_header x = {
        .name = "././@PaxHeader", .mode = "0000644", .uid = "0000000", .gid = "0000000", .type = 'x'};
    memcpy(x.mtime, "00000000000", 12);
    octal(x.size, sizeof(x.size), records.len);
    if (buf_failed(&records))
        return -1;
    if (records.len > 0 && (put_header(p, &x) < 0 || io_write_all(p->out, records.data, records.len) < 0 ||
                            put_padding(p, records.len) < 0))
        return -1;
    return put_header(p, h);
}

/* The first name of a file that has several; NULL if this name is the first. */
static const char *first_name(struct pack *p, const char *path, const struct stat *st)
{
    if (st->st_nlink < 2)
        return NULL;
    for (size_t i = 0; i < p->linked_count; i++)
        if (p->linked[i].ino == st->st_ino && p->linked[i].dev == st->st_dev)
            return p->linked[i].name;
    if ((p->linked_count & (p->linked_count - 1)) == 0) { /* full at every power of two */
        void *more = reallocarray(p->linked, p->linked_count ? 2 * p->linked_count : 1, sizeof(*p->linked));
        if (!more)
            return NULL;
        p->linked = more;
    }
    p->linked[p->linked_count++] = (struct linked){st->st_dev, st->st_ino, strdup(path)};
    return NULL;
}

/* Writes as many bytes as the header says, whatever happens to the file meanwhile. */
static int put_data(struct pack *p, int fd, const char *path, uint64_t size)
{
    static char chunk[65536];
    uint64_t left = size;
    while (left > 0) {
        size_t want = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        ssize_t n = io_read_full(fd, chunk, want);
        if (n != (ssize_t)want) {
            leave_out(p, path, n < 0 ? strerror(errno) : "shrank while it was being copied");
            memset(chunk + (n > 0 ? n : 0), 0, want - (size_t)(n > 0 ? n : 0));
        }
        if (io_write_all(p->out, chunk, want) < 0)
            return -1;
        left -= want;
    }
    return put_padding(p, size);
}

static int put_file(struct pack *p, const char *path, const struct stat *st)
{
    const char *first = first_name(p, path, st);
    struct tar_header h = {.type = first ? '1' : '0'};
    if (first)
        return put_headers(p, &h, path, first, 0, st);
    cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        leave_out(p, path, strerror(errno));
        return 0;
    }
    return put_headers(p, &h, path, "", (uint64_t)st->st_size, st) < 0 ? -1
                                                                       : put_data(p, fd, path, (uint64_t)st->st_size);
}

static int put_any(struct pack *p, dev_t parent);

/* Entries of /proc and /sys are not files to copy. */
static bool is_pseudo(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

/* Each entry of the folder p->path, which is open as d. */
static int put_entries(struct pack *p, DIR *d, dev_t dev)
{
    size_t len = strlen(p->path), room = sizeof(p->path) - len;
    int r = 0;
    for (struct dirent *e; r == 0 && (e = readdir(d)); p->path[len] = '\0') {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if ((size_t)snprintf(p->path + len, room, "/%s", e->d_name) < room - 1) {
            r = put_any(p, dev);
        } else {
            p->path[len] = '\0';
            leave_out(p, p->path, "contains a path that is too long");
        }
    }
    return r;
}

static int put_folder(struct pack *p, const struct stat *st, dev_t parent)
{
    struct tar_header h = {.type = '5'};
    size_t len = strlen(p->path);
    strcpy(p->path + len, "/");
    int r = put_headers(p, &h, p->path, "", 0, st);
    p->path[len] = '\0';
    if (r < 0 || (st->st_dev != parent && is_pseudo(p->path)))
        return r;
    DIR *d = opendir(p->path);
    if (!d) {
        leave_out(p, p->path, strerror(errno));
        return 0;
    }
    r = put_entries(p, d, st->st_dev);
    closedir(d);
    return r;
}

static int put_any(struct pack *p, dev_t parent)
{
    struct stat st;
    p->target[0] = '\0';
    if (lstat(p->path, &st) < 0) {
        leave_out(p, p->path, strerror(errno));
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return put_folder(p, &st, parent);
    if (S_ISREG(st.st_mode))
        return put_file(p, p->path, &st);
    if (S_ISSOCK(st.st_mode)) {
        log_warn("%s: a socket is not copied", p->path);
        return 0;
    }
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(p->path, p->target, sizeof(p->target) - 1);
        if (n < 0) {
            leave_out(p, p->path, strerror(errno));
            return 0;
        }
        p->target[n] = '\0';
    }
    struct tar_header h = {.type = S_ISLNK(st.st_mode)   ? '2'
                                   : S_ISCHR(st.st_mode) ? '3'
                                   : S_ISBLK(st.st_mode) ? '4'
                                                         : '6'};
    return put_headers(p, &h, p->path, p->target, 0, &st);
}

int tar_pack(int out, const char *dir, const char *member, const char *name, bool *incomplete, struct err *err)
{
    static const char end[2 * TAR_BLOCK];
    struct pack p = {.out = out, .member = member, .name = name};
    struct stat st;
    if (chdir(dir) < 0 || lstat(member, &st) < 0)
        return err_sys(err, "cannot read %s/%s", dir, member);
    snprintf(p.path, sizeof(p.path), "%s", member);
    int r = put_any(&p, st.st_dev);
    if (r == 0)
        r = io_write_all(out, end, sizeof(end));
    for (size_t i = 0; i < p.linked_count; i++)
        free(p.linked[i].name);
    free(p.linked);
    *incomplete = p.incomplete;
    return r < 0 ? err_sys(err, "cannot write the archive") : 0;
}
