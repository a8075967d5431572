#include "common/tar.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"

#include <string.h>
#include <sys/sysmacros.h>

enum { RECORDS_MAX = 1 << 20 };

int tar_take(int in, void *data, size_t len, struct err *err)
{
    return io_read_full(in, data, len) == (ssize_t)len ? 0 : err_set(err, "the archive ends early");
}

int tar_take_padding(int in, uint64_t size, struct err *err)
{
    char rest[TAR_BLOCK];
    return tar_take(in, rest, (size_t)(-size & (TAR_BLOCK - 1)), err);
}

/* Octal digits between blanks; or, for larger values, GNU's form: a big-endian number after the byte 0x80, or 0xff if
 * it is negative. */
static bool read_number(const char *field, size_t size, uint64_t *out)
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

static int parse_header(const struct tar_header *h, struct tar_member *m, struct err *err)
{
    uint64_t sum, mode, uid, gid, mtime, high, low;
    if (!read_number(h->checksum, sizeof(h->checksum), &sum) || sum != tar_checksum(h))
        return err_set(err, "this is not a tar archive, or it is damaged");
    if (!read_number(h->mode, sizeof(h->mode), &mode) || !read_number(h->uid, sizeof(h->uid), &uid) ||
        !read_number(h->gid, sizeof(h->gid), &gid) || !read_number(h->size, sizeof(h->size), &m->size) ||
        !read_number(h->mtime, sizeof(h->mtime), &mtime) || !read_number(h->major, sizeof(h->major), &high) ||
        !read_number(h->minor, sizeof(h->minor), &low) || m->size > INT64_MAX)
        return err_set(err, "%.100s: a malformed header in the archive", h->name);
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

/* Reads what a record says about the member; skips keywords that do not matter here. */
static bool apply(struct tar_member *m, const char *keyword, const char *value, size_t len)
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

/* "LENGTH KEYWORD=VALUE\n", one after the other; text is followed by a NUL. */
static int apply_records(struct tar_member *m, struct buf *text, struct err *err)
{
    char *p = text->data, *end = p ? p + text->len : NULL;
    while (p < end) {
        char *keyword;
        size_t len = (size_t)strtoull(p, &keyword, 10);
        char *equals = *keyword == ' ' ? memchr(keyword, '=', (size_t)(end - keyword)) : NULL;
        if (len > (size_t)(end - p) || !equals || equals >= p + len || p[len - 1] != '\n')
            return err_set(err, "a malformed pax header in the archive");
        *equals = p[len - 1] = '\0';
        if (!apply(m, keyword + 1, equals + 1, (size_t)(p + len - 1 - equals - 1)))
            return err_set(err, "the archive says %s=%.64s, which is not supported", keyword + 1, equals + 1);
        p += len;
    }
    return 0;
}

/* Reads the data of a header that describes the next one. */
static int take_text(int in, uint64_t size, struct buf *out, struct err *err)
{
    char chunk[4096];
    out->len = 0;
    if (size > RECORDS_MAX)
        return err_set(err, "a header of %llu bytes in the archive", (unsigned long long)size);
    for (uint64_t left = size; left > 0;) {
        size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        if (tar_take(in, chunk, n, err) < 0)
            return -1;
        buf_add(out, chunk, n);
        left -= n;
    }
    return buf_failed(out) ? err_set(err, "out of memory") : tar_take_padding(in, size, err);
}

/* GNU's own members with a long name: all of it counts, up to a NUL. */
static int apply_name(char out[TAR_PATH], const struct buf *name, struct err *err)
{
    if (name->len > 0 && snprintf(out, TAR_PATH, "%s", name->data) >= TAR_PATH)
        return err_set(err, "%.64s...: the name is too long", name->data);
    return 0;
}

int tar_next(int in, struct tar_member *m, struct err *err)
{
    cleanup_buf struct buf records = {0}, name = {0}, link = {0};
    struct tar_header h;
    for (;;) {
        static const struct tar_header zero;
        ssize_t n = io_read_full(in, &h, sizeof(h));
        if (n == 0 || (n == sizeof(h) && memcmp(&h, &zero, sizeof(h)) == 0))
            return 0;
        if (n != sizeof(h))
            return err_set(err, "the archive ends early");
        if (parse_header(&h, m, err) < 0)
            return -1;
        struct buf *text = m->type == 'x' || m->type == 'g' ? &records
                           : m->type == 'L'                 ? &name
                           : m->type == 'K'                 ? &link
                                                            : NULL;
        if (!text)
            break;
        if (take_text(in, m->size, text, err) < 0)
            return -1;
        if (m->type == 'g')
            records.len = 0; /* for all members: a comment, most often */
    }
    if (apply_name(m->path, &name, err) < 0 || apply_name(m->link, &link, err) < 0)
        return -1;
    m->attributes.len = 0;
    return apply_records(m, &records, err) < 0 ? -1 : 1;
}
