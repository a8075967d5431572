#include "guest-init/tar.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "guest-init/folders.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { RECORDS_MAX = 1 << 20 };

/* One member: its header's fields, with what the records before it say instead. */
struct member {
    char type;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    dev_t rdev;
    uint64_t size;
    struct timespec mtime;
    char path[4096], link[4096];
    struct buf attributes; /* name NUL u32 length value, each */
};

/* A folder's mode and time are set when all is in it. */
struct folder {
    char *path;
    mode_t mode;
    struct timespec mtime;
};

struct unpack {
    int in;
    struct folder *folders;
    size_t folder_count;
    struct err *err;
};

static int take(struct unpack *u, void *data, size_t len)
{
    return io_read_full(u->in, data, len) == (ssize_t)len ? 0 : err_set(u->err, "the archive ends early");
}

static int skip_padding(struct unpack *u, uint64_t size)
{
    char rest[TAR_BLOCK];
    return take(u, rest, (size_t)(-size & (TAR_BLOCK - 1)));
}

/* Octal digits between blanks; or GNU's way for others: a big-endian number behind the byte 0x80, or 0xff when
 * it is negative. */
static bool number(const char *field, size_t size, uint64_t *out)
{
    bool negative = (uint8_t)field[0] == 0xff;
    *out = negative ? UINT64_MAX : 0;
    if ((uint8_t)field[0] == 0x80 || negative) {
        for (size_t i = 1; i < size; i++)
            *out = *out << 8 | (uint8_t)field[i];
        return true;
    }
    size_t i = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(field[i] - '0');
    return i == size || field[i] == '\0' || field[i] == ' ';
}

static int parse_header(struct unpack *u, const struct tar_header *h, struct member *m)
{
    uint64_t sum, mode, uid, gid, mtime, high, low;
    if (!number(h->checksum, sizeof(h->checksum), &sum) || sum != tar_checksum(h))
        return err_set(u->err, "this is no tar archive, or a damaged one");
    if (!number(h->mode, sizeof(h->mode), &mode) || !number(h->uid, sizeof(h->uid), &uid) ||
        !number(h->gid, sizeof(h->gid), &gid) || !number(h->size, sizeof(h->size), &m->size) ||
        !number(h->mtime, sizeof(h->mtime), &mtime) || !number(h->major, sizeof(h->major), &high) ||
        !number(h->minor, sizeof(h->minor), &low) || m->size > INT64_MAX)
        return err_set(u->err, "%.100s: a malformed header in the archive", h->name);
    m->type = h->type ? h->type : '0';
    m->mode = (mode_t)mode & 07777;
    m->uid = (uid_t)uid;
    m->gid = (gid_t)gid;
    m->mtime = (struct timespec){.tv_sec = (time_t)mtime};
    m->rdev = makedev((unsigned)high, (unsigned)low);
    bool prefixed = memcmp(h->magic, "ustar", 6) == 0 && h->prefix[0];
    snprintf(m->path, sizeof(m->path), "%.155s%s%.100s", prefixed ? h->prefix : "", prefixed ? "/" : "", h->name);
    snprintf(m->link, sizeof(m->link), "%.100s", h->link);
    return 0;
}

/* Seconds with a fraction, which a time before 1970 counts down from. */
static bool parse_time(const char *text, struct timespec *out)
{
    char *end;
    bool minus = *text == '-';
    errno = 0;
    long long seconds = strtoll(text, &end, 10);
    long ns = 0;
    if (end == text || errno || (*end && *end != '.'))
        return false;
    for (long unit = 100000000; *end && *++end; unit /= 10) {
        if (*end < '0' || *end > '9')
            return false;
        ns += unit * (*end - '0');
    }
    *out = (struct timespec){(time_t)seconds, minus && ns ? 1000000000 - ns : ns};
    return !__builtin_sub_overflow(out->tv_sec, minus && ns, &out->tv_sec);
}

static bool copy_text(char *out, size_t size, const char *value, size_t len)
{
    if (len >= size || memchr(value, '\0', len))
        return false;
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

/* What a record says of the member; keywords that do not matter here are passed over. */
static bool apply(struct member *m, const char *keyword, const char *value, size_t len)
{
    static const char attribute[] = "SCHILY.xattr.";
    uint64_t n;
    if (strcmp(keyword, "path") == 0)
        return copy_text(m->path, sizeof(m->path), value, len);
    if (strcmp(keyword, "linkpath") == 0)
        return copy_text(m->link, sizeof(m->link), value, len);
    if (strcmp(keyword, "mtime") == 0)
        return parse_time(value, &m->mtime);
    if (strcmp(keyword, "size") == 0)
        return num_parse(value, 0, INT64_MAX, &m->size) == 0;
    if (strcmp(keyword, "uid") == 0)
        return num_parse(value, 0, UINT32_MAX - 1, &n) == 0 && (m->uid = (uid_t)n, true);
    if (strcmp(keyword, "gid") == 0)
        return num_parse(value, 0, UINT32_MAX - 1, &n) == 0 && (m->gid = (gid_t)n, true);
    if (strncmp(keyword, attribute, strlen(attribute)) == 0) {
        uint32_t size = (uint32_t)len;
        buf_add(&m->attributes, keyword + strlen(attribute), strlen(keyword + strlen(attribute)) + 1);
        buf_add(&m->attributes, &size, sizeof(size));
        buf_add(&m->attributes, value, len);
    }
    return strncmp(keyword, "GNU.sparse.", 11) != 0;
}

/* "LENGTH KEYWORD=VALUE\n", one after the other; text has a NUL behind it. */
static int apply_records(struct unpack *u, struct member *m, struct buf *text)
{
    char *p = text->data, *end = p ? p + text->len : NULL;
    while (p < end) {
        char *keyword;
        size_t len = (size_t)strtoull(p, &keyword, 10);
        char *equals = *keyword == ' ' ? memchr(keyword, '=', (size_t)(end - keyword)) : NULL;
        if (len > (size_t)(end - p) || !equals || equals >= p + len || p[len - 1] != '\n')
            return err_set(u->err, "a malformed pax header in the archive");
        *equals = p[len - 1] = '\0';
        if (!apply(m, keyword + 1, equals + 1, (size_t)(p + len - 1 - equals - 1)))
            return err_set(u->err, "the archive says %s=%.64s, which is not supported", keyword + 1, equals + 1);
        p += len;
    }
    return 0;
}

/* The data of a header that is about the next one. */
static int take_text(struct unpack *u, uint64_t size, struct buf *out)
{
    char chunk[4096];
    out->len = 0;
    if (size > RECORDS_MAX)
        return err_set(u->err, "a header of %llu bytes in the archive", (unsigned long long)size);
    for (uint64_t left = size; left > 0;) {
        size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        if (take(u, chunk, n) < 0)
            return -1;
        buf_add(out, chunk, n);
        left -= n;
    }
    return buf_failed(out) ? err_set(u->err, "out of memory") : skip_padding(u, size);
}

/* The next member; 0 at the end. */
static int next(struct unpack *u, struct member *m)
{
    cleanup_buf struct buf records = {0}, name = {0}, link = {0};
    struct tar_header h;
    for (;;) {
        static const struct tar_header zero;
        ssize_t n = io_read_full(u->in, &h, sizeof(h));
        if (n == 0 || (n == sizeof(h) && memcmp(&h, &zero, sizeof(h)) == 0))
            return 0;
        if (n != sizeof(h))
            return err_set(u->err, "the archive ends early");
        if (parse_header(u, &h, m) < 0)
            return -1;
        struct buf *text = m->type == 'x' || m->type == 'g' ? &records
                           : m->type == 'L'                 ? &name
                           : m->type == 'K'                 ? &link
                                                            : NULL;
        if (!text)
            break;
        if (take_text(u, m->size, text) < 0)
            return -1;
        if (m->type == 'g')
            records.len = 0; /* for all members: a comment, most often */
    }
    if (name.len > 0)
        snprintf(m->path, sizeof(m->path), "%s", name.data);
    if (link.len > 0)
        snprintf(m->link, sizeof(m->link), "%s", link.data);
    m->attributes.len = 0;
    return apply_records(u, m, &records) < 0 ? -1 : 1;
}

static int put_data(struct unpack *u, const struct member *m, int fd)
{
    static char chunk[65536];
    for (uint64_t left = m->size; left > 0;) {
        size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        if (take(u, chunk, n) < 0)
            return -1;
        if (io_write_all(fd, chunk, n) < 0)
            return err_sys(u->err, "%s: cannot write", m->path);
        left -= n;
    }
    return skip_padding(u, m->size);
}

/* A file that something is mounted on, such as /etc/hosts, cannot be replaced, only written. */
static int put_file(struct unpack *u, const struct member *m)
{
    cleanup_close int fd = open(m->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    return fd < 0 ? err_sys(u->err, "cannot make %s", m->path) : put_data(u, m, fd);
}

static int put_folder(struct unpack *u, const struct member *m)
{
    struct stat st;
    if (mkdir(m->path, 0700) < 0 && (errno != EEXIST || lstat(m->path, &st) < 0 || !S_ISDIR(st.st_mode)))
        return err_sys(u->err, "cannot make the folder %s", m->path);
    void *more = reallocarray(u->folders, u->folder_count + 1, sizeof(*u->folders));
    if (!more)
        return err_set(u->err, "out of memory");
    u->folders = more;
    char *path = strdup(m->path);
    if (!path)
        return err_set(u->err, "out of memory");
    u->folders[u->folder_count++] = (struct folder){path, m->mode, m->mtime};
    return 0;
}

/* Owner first: a change of it clears the set-user-id bit and capabilities. */
static int set_attributes(struct unpack *u, const struct member *m)
{
    struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, m->mtime};
    if (lchown(m->path, m->uid, m->gid) < 0)
        return err_sys(u->err, "%s: cannot set the owner", m->path);
    for (size_t at = 0; at < m->attributes.len;) {
        const char *name = m->attributes.data + at, *size = name + strlen(name) + 1;
        uint32_t len;
        memcpy(&len, size, sizeof(len));
        at = (size_t)(size - m->attributes.data) + sizeof(len) + len;
        if (lsetxattr(m->path, name, size + sizeof(len), len, 0) < 0 && errno != EOPNOTSUPP)
            return err_sys(u->err, "%s: cannot set the attribute %s", m->path, name);
    }
    if (m->type == '5')
        return 0; /* the rest later */
    if (m->type != '2' && chmod(m->path, m->mode) < 0)
        return err_sys(u->err, "%s: cannot set the mode", m->path);
    return utimensat(AT_FDCWD, m->path, times, AT_SYMLINK_NOFOLLOW) < 0
               ? err_sys(u->err, "%s: cannot set the time", m->path)
               : 0;
}

static int put_any(struct unpack *u, struct member *m)
{
    static const char types[] = "346";
    static const mode_t modes[] = {S_IFCHR, S_IFBLK, S_IFIFO};
    const char *special = strchr(types, m->type);
    if (m->type == '5')
        return put_folder(u, m);
    if (unlink(m->path) < 0 && errno == EISDIR)
        return err_sys(u->err, "%s is in the way", m->path);
    if (m->type == '0' || m->type == '7')
        return put_file(u, m);
    if (m->type == '1')
        return link(m->link, m->path) < 0 ? err_sys(u->err, "cannot link %s to %s", m->path, m->link) : 0;
    if (m->type == '2')
        return symlink(m->link, m->path) < 0 ? err_sys(u->err, "cannot make the link %s", m->path) : 0;
    if (!special)
        return err_set(u->err, "%s: members of type '%c' are not supported", m->path, m->type);
    mode_t mode = modes[special - types] | 0600;
    return mknod(m->path, mode, m->rdev) < 0 ? err_sys(u->err, "cannot make %s", m->path) : 0;
}

/* Names lead into the folder, and not out of it again. */
static bool leads_up(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")); p += 2)
        if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return true;
    return false;
}

static void relative(char *path)
{
    size_t slashes = strspn(path, "/"), len = strlen(path);
    memmove(path, path + slashes, len - slashes + 1);
    len -= slashes;
    while (len > 0 && path[len - 1] == '/')
        path[--len] = '\0';
    if (len == 0)
        strcpy(path, ".");
}

static int put_all(struct unpack *u, struct member *m)
{
    int got;
    while ((got = next(u, m)) == 1) {
        relative(m->path);
        if (m->type == '1')
            relative(m->link);
        if (leads_up(m->path) || (m->type == '1' && leads_up(m->link)))
            return err_set(u->err, "%s: a name with .. in the archive", m->path);
        folders_above(m->path);
        if (put_any(u, m) < 0 || (m->type != '1' && set_attributes(u, m) < 0))
            return -1;
    }
    return got;
}

static int finish_folders(struct unpack *u)
{
    while (u->folder_count > 0) {
        struct folder *f = &u->folders[--u->folder_count];
        struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, f->mtime};
        if (chmod(f->path, f->mode) < 0 || utimensat(AT_FDCWD, f->path, times, 0) < 0)
            err_sys(u->err, "%s: cannot set mode and time", f->path);
        free(f->path);
    }
    free(u->folders);
    return u->err->text[0] ? -1 : 0;
}

int tar_unpack(int in, const char *dir, struct err *err)
{
    struct unpack u = {.in = in, .err = err};
    static struct member m;
    char rest[4096];
    umask(0);
    if (chdir(dir) < 0)
        return err_sys(err, "cannot change to the folder %s", dir);
    int r = put_all(&u, &m);
    buf_free(&m.attributes);
    if (finish_folders(&u) < 0)
        return -1;
    while (r == 0 && read(in, rest, sizeof(rest)) > 0)
        ; /* the padding behind the end, so that its writer can finish */
    return r;
}
