/* Attributes come from the listxattr family as full names and go out as EROFS entries: an index for the
 * prefix, the rest of the name, the value.  Order is by name, since filesystems list in any order. */
#include "rootdisk/xattr.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "rootdisk/erofs.h"

#include <endian.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

static const struct {
    const char *prefix;
    uint8_t index; /* 0: not carried */
} prefixes[] = {
    /* What the host's kernel keeps for itself; the guest's would read it as its own. */
    {"security.selinux", 0},
    {"trusted.overlay.", 0},
    {"user.overlay.", 0},
    {"trusted.ctr-jailer.", 0}, /* sparse.h */
    {"system.posix_acl_access", EROFS_XATTR_ACL_ACCESS},
    {"system.posix_acl_default", EROFS_XATTR_ACL_DEFAULT},
    {"user.", EROFS_XATTR_USER},
    {"trusted.", EROFS_XATTR_TRUSTED},
    {"security.", EROFS_XATTR_SECURITY},
};

static uint8_t prefix_index(const char *name, size_t *prefix_len)
{
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        *prefix_len = strlen(prefixes[i].prefix);
        if (strncmp(name, prefixes[i].prefix, *prefix_len) == 0)
            return prefixes[i].index;
    }
    return 0;
}

void xattr_append(struct buf *out, uint8_t index, const char *rest, const void *value, size_t len)
{
    size_t name_len = strlen(rest);
    struct erofs_xattr entry = {.name_len = (uint8_t)name_len, .index = index, .value_len = htole16((uint16_t)len)};
    buf_add(out, &entry, sizeof(entry));
    buf_add(out, rest, name_len);
    buf_add(out, value, len);
    buf_add(out, "\0\0\0", (size_t)(-(name_len + len) & 3));
}

int xattr_encode(struct buf *out, const char *name, const void *value, size_t len, struct err *err)
{
    size_t prefix_len;
    uint8_t index = prefix_index(name, &prefix_len);
    if (index == 0)
        return 0;
    size_t name_len = strlen(name + prefix_len);
    if (name_len > XATTR_NAME_MAX || len > EROFS_XATTR_VALUE_MAX)
        return err_set(err, "extended attribute %s of %zu bytes: EROFS holds at most %d", name, len,
                       EROFS_XATTR_VALUE_MAX);
    xattr_append(out, index, name + prefix_len, value, len);
    return 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Splits a list of NUL-terminated names; the count, at most max. */
static size_t split_list(char *list, size_t len, char **names, size_t max)
{
    size_t count = 0;
    for (char *at = list; at < list + len && count < max; at += strlen(at) + 1)
        names[count++] = at;
    return count;
}

/* The attributes of the names in a list of len bytes. */
static int read_values(struct buf *out, const char *path, char *list, size_t len, struct err *err)
{
    enum { SHORTEST = 6 }; /* bytes of "user." and one more, without its NUL: names are longer */
    cleanup_free char **names = calloc(len / SHORTEST + 1, sizeof(*names));
    cleanup_free char *value = malloc(XATTR_SIZE_MAX);
    if (!names || !value)
        return err_sys(err, "cannot read extended attributes");
    size_t count = split_list(list, len, names, len / SHORTEST + 1);
    qsort(names, count, sizeof(*names), by_name);
    size_t start = out->len;
    for (size_t i = 0; i < count; i++) {
        ssize_t n = lgetxattr(path, names[i], value, XATTR_SIZE_MAX);
        if (n < 0 && (errno == ENODATA || errno == ENOENT || errno == EOPNOTSUPP))
            continue; /* removed since it was listed */
        if (n < 0)
            return err_sys(err, "cannot read extended attribute %s", names[i]);
        if (xattr_encode(out, names[i], value, (size_t)n, err) < 0)
            return -1;
    }
    if (out->len - start > EROFS_XATTR_BODY_MAX - EROFS_XATTR_HEADER)
        return err_set(err, "%zu bytes of extended attributes: EROFS holds at most %d of a file", out->len - start,
                       EROFS_XATTR_BODY_MAX - EROFS_XATTR_HEADER);
    return 0;
}

static int list_failed(struct err *err)
{
    return errno == EOPNOTSUPP || errno == ENOENT ? 0 : err_sys(err, "cannot list extended attributes");
}

static int read_many(struct buf *out, const char *path, struct err *err)
{
    cleanup_free char *list = malloc(XATTR_LIST_MAX);
    if (!list)
        return err_sys(err, "cannot read extended attributes");
    ssize_t len = llistxattr(path, list, XATTR_LIST_MAX);
    return len < 0 ? list_failed(err) : read_values(out, path, list, (size_t)len, err);
}

/* Most files have no attributes, or a few, so the first list is short.  The kernel allocates as much as the buffer
 * could hold at each call, and the compiler touches each page of a large one on the stack (-fstack-clash-protection).
 */
int xattr_read(struct buf *out, const char *path, struct err *err)
{
    char list[256];
    ssize_t len = llistxattr(path, list, sizeof(list));
    if (len == 0)
        return 0;
    if (len > 0)
        return read_values(out, path, list, (size_t)len, err);
    return errno == ERANGE ? read_many(out, path, err) : list_failed(err);
}
