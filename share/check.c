#include "share/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <string.h>

_Static_assert(sizeof(struct fuse_in_header) == CHECK_MESSAGE_MIN, "the header");

/* What follows an operation's structure. */
enum tail {
    NONE,
    NAME,      /* of an entry in a folder */
    NAMES,     /* two of them */
    UNNAMED,   /* CHECK_UNNAMED */
    LINK,      /* a name, and what a symbolic link says */
    ATTRIBUTE, /* an extended attribute's name */
    VALUE,     /* such a name, and as many bytes as the structure says */
    DATA,      /* as many bytes as the structure says */
    FORGETS    /* as many struct fuse_forget_one as the structure says */
};

struct operation {
    uint16_t size; /* of its structure */
    uint8_t tail;
    bool known, changes, silent;
};
#define PLAIN(structure, ...) .known = true, .size = structure, __VA_ARGS__
#define SIZE(structure) sizeof(struct structure)

/* The following are not in the list, so the guest gets ENOSYS: locks, which its kernel then keeps itself; ACCESS, which
 * its kernel decides itself (default_permissions); ioctl, poll and bmap, which are for devices; and DESTROY, which only
 * other types of mounts send. */
static const struct operation operations[] = {
    [FUSE_LOOKUP] = {PLAIN(0, .tail = NAME)},
    [FUSE_FORGET] = {PLAIN(SIZE(fuse_forget_in), .silent = true)},
    [FUSE_GETATTR] = {PLAIN(SIZE(fuse_getattr_in))},
    [FUSE_SETATTR] = {PLAIN(SIZE(fuse_setattr_in), .changes = true)},
    [FUSE_READLINK] = {PLAIN(0)},
    [FUSE_SYMLINK] = {PLAIN(0, .tail = LINK, .changes = true)},
    [FUSE_MKNOD] = {PLAIN(SIZE(fuse_mknod_in), .tail = NAME, .changes = true)},
    [FUSE_MKDIR] = {PLAIN(SIZE(fuse_mkdir_in), .tail = NAME, .changes = true)},
    [FUSE_UNLINK] = {PLAIN(0, .tail = NAME, .changes = true)},
    [FUSE_RMDIR] = {PLAIN(0, .tail = NAME, .changes = true)},
    [FUSE_RENAME] = {PLAIN(SIZE(fuse_rename_in), .tail = NAMES, .changes = true)},
    [FUSE_LINK] = {PLAIN(SIZE(fuse_link_in), .tail = NAME, .changes = true)},
    [FUSE_OPEN] = {PLAIN(SIZE(fuse_open_in))},
    [FUSE_READ] = {PLAIN(SIZE(fuse_read_in))},
    [FUSE_WRITE] = {PLAIN(SIZE(fuse_write_in), .tail = DATA, .changes = true)},
    [FUSE_STATFS] = {PLAIN(0)},
    [FUSE_RELEASE] = {PLAIN(SIZE(fuse_release_in))},
    [FUSE_FSYNC] = {PLAIN(SIZE(fuse_fsync_in))},
    /* without FUSE_SETXATTR_EXT, which libfuse 3.14 does not ask for */
    [FUSE_SETXATTR] = {PLAIN(FUSE_COMPAT_SETXATTR_IN_SIZE, .tail = VALUE, .changes = true)},
    [FUSE_GETXATTR] = {PLAIN(SIZE(fuse_getxattr_in), .tail = ATTRIBUTE)},
    [FUSE_LISTXATTR] = {PLAIN(SIZE(fuse_getxattr_in))},
    [FUSE_REMOVEXATTR] = {PLAIN(0, .tail = ATTRIBUTE, .changes = true)},
    [FUSE_FLUSH] = {PLAIN(SIZE(fuse_flush_in))},
    [FUSE_INIT] = {PLAIN(SIZE(fuse_init_in))},
    [FUSE_OPENDIR] = {PLAIN(SIZE(fuse_open_in))},
    [FUSE_READDIR] = {PLAIN(SIZE(fuse_read_in))},
    [FUSE_RELEASEDIR] = {PLAIN(SIZE(fuse_release_in))},
    [FUSE_FSYNCDIR] = {PLAIN(SIZE(fuse_fsync_in))},
    [FUSE_CREATE] = {PLAIN(SIZE(fuse_create_in), .tail = NAME, .changes = true)},
    [FUSE_BATCH_FORGET] = {PLAIN(SIZE(fuse_batch_forget_in), .tail = FORGETS, .silent = true)},
    [FUSE_FALLOCATE] = {PLAIN(SIZE(fuse_fallocate_in), .changes = true)},
    [FUSE_READDIRPLUS] = {PLAIN(SIZE(fuse_read_in))},
    [FUSE_RENAME2] = {PLAIN(SIZE(fuse_rename2_in), .tail = NAMES, .changes = true)},
    [FUSE_TMPFILE] = {PLAIN(SIZE(fuse_create_in), .tail = UNNAMED, .changes = true)},
    [FUSE_LSEEK] = {PLAIN(SIZE(fuse_lseek_in))},
    [FUSE_COPY_FILE_RANGE] = {PLAIN(SIZE(fuse_copy_file_range_in), .changes = true)},
};
enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* The length of the string at the start, with its NUL; 0: there is none. */
static size_t string(const char *text, size_t len, size_t max)
{
    size_t n = strnlen(text, len);
    return n > 0 && n < len && n <= max ? n + 1 : 0;
}

/* The same of an entry's name.  What is too long for the host's file system, its kernel says (ENAMETOOLONG). */
static size_t name(const char *text, size_t len)
{
    size_t n = string(text, len, PATH_MAX - 1);
    return !n || strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0 ? 0 : n;
}

static bool tail_fits(enum tail kind, const void *structure, const char *tail, size_t len)
{
    size_t n = 0;
    switch (kind) {
    case NONE:
        return len == 0;
    case NAME:
        return len > 0 && name(tail, len) == len;
    case NAMES:
        n = name(tail, len);
        return n > 0 && n < len && name(tail + n, len - n) == len - n;
    case UNNAMED:
        return len == sizeof(CHECK_UNNAMED) && memcmp(tail, CHECK_UNNAMED, len) == 0;
    case LINK:
        n = name(tail, len);
        return n > 0 && n < len && string(tail + n, len - n, PATH_MAX - 1) == len - n;
    case ATTRIBUTE:
        return len > 0 && string(tail, len, XATTR_NAME_MAX) == len;
    case VALUE:
        n = string(tail, len, XATTR_NAME_MAX);
        return n > 0 && len - n == ((const struct fuse_setxattr_in *)structure)->size && len - n <= XATTR_SIZE_MAX;
    case DATA:
        return len == ((const struct fuse_write_in *)structure)->size && len <= CHECK_DATA_MAX;
    case FORGETS:
        n = ((const struct fuse_batch_forget_in *)structure)->count;
        return len % sizeof(struct fuse_forget_one) == 0 && len / sizeof(struct fuse_forget_one) == n;
    }
    return false;
}

/* The kernel of a guest that we support is 5.4 (7.31) or newer; before 7.36, INIT was shorter. */
static bool init_fits(const struct fuse_init_in *in, size_t len)
{
    const size_t before_36 = 16;
    if (len < before_36 || in->major != FUSE_KERNEL_VERSION || in->minor < 31)
        return false;
    return len == (in->flags & FUSE_INIT_EXT ? sizeof(*in) : len == before_36 ? before_36 : sizeof(*in));
}

/* Limits within the structure. */
static bool structure_fits(uint32_t opcode, const void *structure)
{
    switch (opcode) {
    case FUSE_READ:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
        return ((const struct fuse_read_in *)structure)->size <= CHECK_DATA_MAX;
    case FUSE_GETXATTR:
    case FUSE_LISTXATTR:
        return ((const struct fuse_getxattr_in *)structure)->size <= XATTR_SIZE_MAX;
    default:
        return true;
    }
}

static bool opens_to_change(uint32_t opcode, const void *structure)
{
    uint32_t flags = opcode == FUSE_OPEN ? ((const struct fuse_open_in *)structure)->flags : 0;
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

int check_message(const void *message, size_t len, bool first, bool readonly)
{
    const struct fuse_in_header *head = message;
    if (len < sizeof(*head) || len > CHECK_MESSAGE_MAX || head->len != len)
        return CHECK_BROKEN;
    if (first != (head->opcode == FUSE_INIT))
        return CHECK_BROKEN;
    if (head->opcode == FUSE_INTERRUPT) /* nothing here waits for long; the relay holds it back anyway */
        return CHECK_SILENT;
    const struct operation *o = &operations[head->opcode < OPERATIONS ? head->opcode : 0];
    if (!o->known)
        return ENOSYS;
    const char *structure = (const char *)message + sizeof(*head);
    size_t rest = len - sizeof(*head);
    if (head->opcode == FUSE_INIT)
        return init_fits((const void *)structure, rest) ? CHECK_PASS : CHECK_BROKEN;
    if (rest < o->size || !tail_fits(o->tail, structure, structure + o->size, rest - o->size) ||
        !structure_fits(head->opcode, structure))
        return o->silent ? CHECK_SILENT : EINVAL;
    return readonly && (o->changes || opens_to_change(head->opcode, structure)) ? EROFS : CHECK_PASS;
}
