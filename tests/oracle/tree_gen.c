/* Every kind of file that a container image can hold, with attributes at and across the limits that file
 * formats like to have: 16-bit ids, 32-bit times, block boundaries, names that are not text. */
#include "tests/oracle/tree_test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(rng_next(r) >> 32) % n;
}

enum { MAX_LINKS = 64, DEEPEST = 3000 }; /* bytes of path: cp and mkfs.erofs must get along with it */

struct gen {
    struct rng rng;
    int root;
    unsigned longest;            /* bytes of a name */
    unsigned left;               /* inodes still to make */
    char links[MAX_LINKS][1024]; /* paths from the root that hardlinks may be made of */
    unsigned link_count;
};

#define PICK(g, array) ((array)[rng_below(&(g)->rng, sizeof(array) / sizeof(*(array)))])

static void random_bytes(struct gen *g, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)rng_next(&g->rng);
}

/* A name's bytes are all but NUL and '/'; the first ones often sort around "." and "..". */
static void random_name(struct gen *g, char *out)
{
    static const char *const styles[] = {"abcdefghijklmnop", "a\n\t -+!", "\x01\x7f\x80\xff", ".-/0",
                                         "\xc3\xa4\xe2\x82"};
    const char *style = PICK(g, styles);
    static const unsigned lengths[] = {1, 2, 3, 8, 8, 8, 16, 30, 100, 254, 255};
    unsigned len = PICK(g, lengths);
    if (len > g->longest)
        len = g->longest;
    for (unsigned i = 0; i < len; i++) {
        do
            out[i] =
                rng_below(&g->rng, 4) ? style[rng_below(&g->rng, (uint32_t)strlen(style))] : (char)rng_next(&g->rng);
        while (out[i] == '/' || out[i] == '\0');
    }
    out[len] = '\0';
    if (strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
        out[0] = 'x';
}

static const char *xattr_path(int dir, const char *name, char *path, size_t size)
{
    snprintf(path, size, "/proc/self/fd/%d/%s", dir, name);
    return path;
}

static void set_acl(struct gen *g, const char *path, const char *attribute)
{
    struct {
        uint32_t version;
        struct {
            uint16_t tag, perm;
            uint32_t id;
        } e[5];
    } acl = {2, {{1, 6, ~0u}, {2, 5, 70000}, {4, 4, ~0u}, {0x10, 7, ~0u}, {0x20, 1, ~0u}}};
    acl.e[1].id = rng_below(&g->rng, 3) * 65535;
    lsetxattr(path, attribute, &acl, sizeof(acl), 0);
}

static void set_xattrs(struct gen *g, int dir, const char *name, mode_t type)
{
    static const char *const names[] = {"user.a",          "user.mime_type",        "trusted.b",
                                        "trusted.x\n\xff", "security.ctr-test",     "user.overlay.origin",
                                        "user.empty",      "trusted.overlay.opaque"};
    static const unsigned lengths[] = {0, 1, 2, 3, 4, 5, 50, 500, 3900, 4096, 20000, 65535};
    static char value[65536];
    char path[512];
    xattr_path(dir, name, path, sizeof(path));
    if (rng_below(&g->rng, 3) == 0)
        return;
    for (unsigned i = rng_below(&g->rng, 4); i > 0; i--) {
        unsigned len = lengths[rng_below(&g->rng, rng_below(&g->rng, 8) ? 8 : 12)];
        random_bytes(g, value, len);
        lsetxattr(path, PICK(g, names), value, len, 0);
    }
    if (rng_below(&g->rng, 8) == 0) {
        char longest[256] = "trusted.";
        memset(longest + 8, 'n', 255 - 8);
        lsetxattr(path, longest, "v", 1, 0);
    }
    if (type != S_IFLNK && rng_below(&g->rng, 6) == 0)
        set_acl(g, path, "system.posix_acl_access");
    if (type == S_IFDIR && rng_below(&g->rng, 4) == 0)
        set_acl(g, path, "system.posix_acl_default");
    static const uint32_t capability[5] = {0x02000001, 0x3000, 0, 0, 0};
    if (type == S_IFREG && rng_below(&g->rng, 6) == 0)
        lsetxattr(path, "security.capability", capability, sizeof(capability), 0);
}

static void set_time(struct gen *g, int dir, const char *name)
{
    static const int64_t seconds[] = {0,          -1,          1,          -1000000000, 1700000000,
                                      2147483647, -2147483648, 2147483648, 4294967296,  7258118400};
    struct timespec t[2] = {{.tv_sec = PICK(g, seconds), .tv_nsec = rng_below(&g->rng, 1000000000)}};
    if (rng_below(&g->rng, 4) == 0)
        t[0].tv_nsec = rng_below(&g->rng, 2) ? 999999999 : 0;
    t[1] = t[0];
    utimensat(dir, name, t, AT_SYMLINK_NOFOLLOW);
}

static void set_metadata(struct gen *g, int dir, const char *name, mode_t type)
{
    static const uint32_t ids[] = {0, 0, 1, 1000, 65534, 65535, 65536, 100000, 4294967294u};
    uid_t uid = PICK(g, ids);
    gid_t gid = PICK(g, ids);
    if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (type != S_IFLNK)
        fchmodat(dir, name, rng_below(&g->rng, 4) ? rng_below(&g->rng, 010000) : 0, 0);
    set_xattrs(g, dir, name, type);
    set_time(g, dir, name);
}

static int make_file(struct gen *g, int dir, const char *name)
{
    static const unsigned sizes[] = {0, 0, 1, 100, 4095, 4096, 4097, 8191, 8192, 12288, 20000, 130000, 300000};
    static char data[300000];
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    size_t len = PICK(g, sizes);
    random_bytes(g, data, len < 64 ? len : 64);
    for (size_t i = 64; i < len; i++)
        data[i] = (char)(data[i - 64] + (i >> 12) + 1);
    int rc = write(fd, data, len) == (ssize_t)len ? 0 : -1;
    if (rng_below(&g->rng, 6) == 0) { /* islands in a hole, which may end the file */
        off_t at = 0;
        for (unsigned i = rng_below(&g->rng, 4); i > 0; i--) {
            at += (off_t)(rng_next(&g->rng) % (1u << 24));
            if (pwrite(fd, "island", 6, at) < 0)
                rc = -1;
        }
        if (ftruncate(fd, at + 6 + (off_t)rng_below(&g->rng, 1u << 20)) < 0)
            rc = -1;
    }
    close(fd);
    return rc;
}

static int make_symlink(struct gen *g, int dir, const char *name)
{
    static const unsigned lengths[] = {1, 10, 60, 255, 1000, 3900, 4000, 4031, 4032, 4033, 4094, 4095};
    char target[PATH_MAX];
    unsigned len = PICK(g, lengths);
    for (unsigned i = 0; i < len; i++)
        target[i] = (char)(1 + rng_below(&g->rng, 255));
    target[len] = '\0';
    if (symlinkat(target, dir, name) == 0)
        return 0;
    target[50] = '\0'; /* filesystems differ in how long a target may be */
    return symlinkat(target, dir, name);
}

static int make_device(struct gen *g, int dir, const char *name, mode_t type)
{
    static const unsigned majors[] = {0, 1, 8, 255, 256, 4095}, minors[] = {0, 3, 255, 256, 65536, 1048575};
    return mknodat(dir, name, type | 0600, makedev(PICK(g, majors), PICK(g, minors)));
}

static int fill_directory(struct gen *g, int dir, const char *path);

static int make_directory(struct gen *g, int dir, const char *name, const char *path)
{
    if (mkdirat(dir, name, 0700) < 0)
        return -1;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fill_directory(g, fd, path);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int make_link(struct gen *g, int dir, const char *name)
{
    if (g->link_count == 0)
        return mknodat(dir, name, S_IFIFO | 0600, 0);
    return linkat(g->root, g->links[rng_below(&g->rng, g->link_count)], dir, name, 0);
}

static int make_one(struct gen *g, int dir, const char *name, const char *path)
{
    unsigned kind = rng_below(&g->rng, 20);
    if (kind < 4 && strlen(path) > DEEPEST)
        kind += 4;
    switch (kind) {
    case 0 ... 3:
        return make_directory(g, dir, name, path) < 0 ? -1 : S_IFDIR;
    case 4 ... 6:
        return make_symlink(g, dir, name) < 0 ? -1 : S_IFLNK;
    case 7 ... 8:
        return make_link(g, dir, name) < 0 ? -1 : 0;
    case 9:
        return make_device(g, dir, name, S_IFCHR) < 0 ? -1 : S_IFCHR;
    case 10:
        return make_device(g, dir, name, S_IFBLK) < 0 ? -1 : S_IFBLK;
    case 11:
        return mknodat(dir, name, S_IFIFO | 0600, 0) < 0 ? -1 : S_IFIFO;
    case 12:
        return mknodat(dir, name, S_IFSOCK | 0600, 0) < 0 ? -1 : S_IFSOCK;
    default:
        return make_file(g, dir, name) < 0 ? -1 : S_IFREG;
    }
}

/* The directory's own times are set by who made it, after its contents. */
static int fill_directory(struct gen *g, int dir, const char *path)
{
    unsigned entries = rng_below(&g->rng, 5) ? 1 + rng_below(&g->rng, 12) : rng_below(&g->rng, 2) * 60;
    for (; entries > 0 && g->left > 0; entries--) {
        char name[256], full[DEEPEST + 600];
        g->left--;
        random_name(g, name);
        snprintf(full, sizeof(full), "%s%s%s", path, *path ? "/" : "", name);
        int type = make_one(g, dir, name, full);
        if (type < 0 && errno != EEXIST && errno != EMLINK)
            return -1;
        if (type <= 0)
            continue;
        if (type != S_IFDIR && strlen(full) < sizeof(g->links[0])) {
            unsigned slot = g->link_count < MAX_LINKS ? g->link_count++ : rng_below(&g->rng, MAX_LINKS);
            memcpy(g->links[slot], full, strlen(full) + 1);
        }
        set_metadata(g, dir, name, (mode_t)type);
    }
    return 0;
}

int tree_generate(int root, uint64_t seed, unsigned count, unsigned longest)
{
    static struct gen g;
    memset(&g, 0, sizeof(g));
    g.rng.state = seed;
    g.root = root;
    g.left = count;
    g.longest = longest;
    while (g.left > 0)
        if (fill_directory(&g, root, "") < 0)
            return -1;
    set_metadata(&g, root, ".", S_IFDIR);
    return 0;
}
