/* rootdisk-oracle [-q] [-n TREES] [-s SEED] WORKDIR [CASE...]: the root disk held against what others say of it:
 * fsck.erofs, the running kernel's EROFS, mkfs.erofs' image of the same tree.  TAP on stdout.
 *
 * Everything is made by few processes, so that it also runs where an exec costs 0.1 s; -q makes the large
 * cases smaller, for there.  Needs root; mounts
 * happen in a mount namespace of its own and go with it. */
#include "tests/oracle/tree_test.h"

#include "common/err.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/settings.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, FAILED = -1, SKIPPED = 1 };

static uint64_t seed;
static unsigned trees = 200;
static bool quick;
static char why[4096]; /* of the last failure or skip */

__attribute__((format(printf, 1, 2))) static int failed(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return FAILED;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- small tools; all paths are in the work directory, which is the current one ----------------- */

/* A fresh tmpfs on a directory: it has the attributes and times that ext4 has not room for. */
static int fresh(const char *dir)
{
    umount2(dir, MNT_DETACH);
    mkdir(dir, 0700);
    return mount("tmpfs", dir, "tmpfs", 0, "size=3g,nr_inodes=1m") < 0 ? failed("tmpfs: %s", strerror(errno)) : OK;
}

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int put(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int rc = fd < 0 || io_write_all(fd, data, len) < 0 ? failed("%s: %s", path, strerror(errno)) : OK;
    close(fd);
    return rc;
}

/* The status of a program whose output goes to the file "out"; -1 when it does not run. */
static int run(const char *const argv[])
{
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(fd, 1);
        dup2(fd, 2);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
        return -1;
    return WEXITSTATUS(status);
}

static int write_image(const char *tree, const char *image)
{
    struct err err = {0};
    struct rootdisk *rd;
    int fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (rootdisk_scan(&rd, AT_FDCWD, tree, false, &err) == 0)
        rootdisk_write(rd, fd, &err);
    rootdisk_free(rd);
    close(fd);
    return err.text[0] ? failed("write: %s", err.text) : OK;
}

static int fsck(const char *image)
{
    const char *const argv[] = {"fsck.erofs", image, NULL};
    int status = run(argv);
    if (status == 0)
        return OK;
    char *text = io_read_file(AT_FDCWD, "out", 4096, NULL);
    failed("fsck.erofs: status %d: %.1000s", status, text ? text : "");
    free(text);
    return FAILED;
}

/* Mounts an image by the kernel, through a loop device that goes with the mount. */
static int mount_image(const char *image, const char *dir)
{
    mkdir(dir, 0700);
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), rc = -1;
    int backing = open(image, O_RDONLY | O_CLOEXEC);
    for (int tries = 0; rc < 0 && tries < 50 && backing >= 0; tries++) {
        char path[32];
        snprintf(path, sizeof(path), "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        int loop = open(path, O_RDONLY | O_CLOEXEC);
        struct loop_config config = {.fd = (uint32_t)backing, .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR};
        if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
            rc = mount(path, dir, "erofs", MS_RDONLY, NULL);
            tries = 50;
        } else { /* somebody else took this one */
            usleep(10000);
        }
        int saved = errno;
        close(loop);
        errno = saved;
    }
    if (rc < 0)
        failed("mounting %s: %s", image, strerror(errno));
    close(backing);
    close(control);
    return rc;
}

static int compare(const char *source, const char *image, int flags)
{
    struct tree_difference d;
    int a = open_dir(source), b = open_dir(image);
    int rc = tree_compare(a, b, flags, &d);
    close(a);
    close(b);
    return rc < 0 ? failed("%s", d.text) : OK;
}

/* Mounts, compares with the tree, unmounts. */
static int check_image(const char *image, const char *tree)
{
    if (mount_image(image, "mnt") < 0)
        return FAILED;
    int rc = compare(tree, "mnt", TREE_BY_RULE);
    umount2("mnt", MNT_DETACH);
    return rc;
}

static int same_bytes(const char *a, const char *b)
{
    const char *const argv[] = {"cmp", a, b, NULL};
    return run(argv) == 0 ? OK : failed("%s and %s differ", a, b);
}

/* --- serving ------------------------------------------------------------------------------------ */

/* Serves a tree as fuse/image from a child whose log is the file "log".  Its pid, or -1. */
static pid_t serve(const char *tree, struct rootdisk_owner owner)
{
    struct err err = {0};
    struct rootdisk *rd;
    int ready[2];
    mkdir("fuse", 0755);
    if (pipe2(ready, O_CLOEXEC) < 0 || rootdisk_scan(&rd, AT_FDCWD, tree, false, &err) < 0)
        return failed("scan: %s", err.text);
    int fd = rootdisk_mount("fuse", &err);
    if (fd < 0)
        return failed("mount: %s", err.text);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open("log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644), 2);
        close(ready[0]);
        int rc = rootdisk_serve(rd, fd, ready[1], owner, false, &err);
        if (rc < 0)
            log_error("%s", err.text);
        rootdisk_free(rd);
        exit(rc < 0 ? 1 : 0);
    }
    close(fd);
    close(ready[1]);
    rootdisk_free(rd);
    char byte;
    ssize_t n = read(ready[0], &byte, 1);
    close(ready[0]);
    return n == 1 ? pid : failed("the server did not become ready");
}

/* Waits for a server to end: its exit status, or -1. */
static int reap(pid_t pid)
{
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int serve_stop(pid_t pid)
{
    umount2("fuse", MNT_DETACH);
    return reap(pid) == 0 ? OK : failed("the server did not end cleanly");
}

/* Reads at random places, of random lengths, across everything. */
static int same_at_random(const char *served, const char *written, struct rng *r, unsigned reads)
{
    static char a[1 << 21], b[sizeof(a)];
    int s = open(served, O_RDONLY | O_CLOEXEC), w = open(written, O_RDONLY | O_CLOEXEC), rc = OK;
    off_t size = lseek(w, 0, SEEK_END);
    if (lseek(s, 0, SEEK_END) != size)
        rc = failed("%s has another size than %s", served, written);
    for (unsigned i = 0; rc == OK && i < reads; i++) {
        off_t at = (off_t)(rng_next(r) % (uint64_t)(size + 4096));
        size_t len = 1 + rng_below(r, rng_below(r, 10) ? 20000 : sizeof(a));
        ssize_t n = pread(s, a, len, at), m = pread(w, b, len, at);
        if (n != m || n < 0 || memcmp(a, b, (size_t)n) != 0)
            rc = failed("reading %zu bytes at %lld: %zd, from the file %zd, %s", len, (long long)at, n, m,
                        n < 0 ? strerror(errno) : "other bytes");
    }
    close(s);
    close(w);
    return rc;
}

/* --- cases -------------------------------------------------------------------------------------- */

static const struct rootdisk_owner nobody = {0, 0};

static int same_as_mkfs(void)
{
    const char *const argv[] = {"mkfs.erofs", "-Eforce-inode-extended", "-x1000", "theirs.img", "src", NULL};
    unlink("theirs.img");
    if (run(argv) != 0)
        return failed("mkfs.erofs failed, see WORKDIR/out");
    if (mount_image("theirs.img", "theirs") < 0)
        return FAILED;
    int rc = mount_image("a.img", "mnt");
    if (rc == OK)
        rc = compare("theirs", "mnt", TREE_BY_RULE);
    umount2("mnt", MNT_DETACH);
    umount2("theirs", MNT_DETACH);
    return rc;
}

static int one_tree(struct rng *r)
{
    unsigned kind = rng_below(r, 20); /* mostly small; what takes longest is done for some */
    if (fresh("src") < 0)
        return FAILED;
    int root = open_dir("src");
    bool theirs = kind % 4 == 0; /* mkfs.erofs 1.5 cannot have names of 255 bytes */
    int rc =
        tree_generate(root, rng_next(r), kind == 0 ? 0 : 1 + rng_below(r, kind == 1 ? 1500 : 120), theirs ? 254 : 255);
    close(root);
    if (rc < 0)
        return failed("generating: %s", strerror(errno));
    if (write_image("src", "a.img") < 0 || fsck("a.img") < 0 || check_image("a.img", "src") < 0)
        return FAILED;
    pid_t pid = serve("src", nobody);
    if (pid < 0)
        return FAILED;
    rc = same_at_random("fuse/image", "a.img", r, 100);
    if (rc == OK && kind % 8 == 0)
        rc = check_image("fuse/image", "src");
    char text[sizeof(why)];
    memcpy(text, why, sizeof(text));
    if (serve_stop(pid) < 0 || rc < 0) {
        memcpy(why, rc < 0 ? text : why, sizeof(why));
        return FAILED;
    }
    if (theirs)
        return same_as_mkfs();
    return OK;
}

static int case_trees(void)
{
    for (unsigned i = 0; i < trees; i++) {
        struct rng r = {.state = seed + i};
        if (one_tree(&r) < 0) {
            char text[sizeof(why)];
            memcpy(text, why, sizeof(text));
            return failed("tree %u, again with SEED=%llu and one tree: %s", i, (unsigned long long)(seed + i), text);
        }
    }
    return OK;
}

/* The same tree in another filesystem, made in another order, gives the same bytes; so does a second scan. */
static int case_same_bytes(void)
{
    if (fresh("src") < 0 || fresh("copy") < 0)
        return FAILED;
    int root = open_dir("src");
    tree_generate(root, seed, quick ? 100 : 600, 255);
    close(root);
    const char *const cp[] = {"cp", "-a", "src", "copy/tree", NULL};
    if (run(cp) != 0)
        return failed("cp -a failed");
    if (write_image("src", "a.img") < 0 || write_image("src", "b.img") < 0 || write_image("copy/tree", "c.img") < 0)
        return FAILED;
    umount2("copy", MNT_DETACH);
    return same_bytes("a.img", "b.img") < 0 || same_bytes("a.img", "c.img") < 0 ? FAILED : OK;
}

/* A container's tree is an overlayfs: layers below, some files copied up, some deleted, one linked. */
static int case_overlay(void)
{
    if (fresh("layers") < 0 || mkdir("layers/low", 0755) < 0 || mkdir("layers/up", 0755) < 0 ||
        mkdir("layers/work", 0755) < 0)
        return FAILED;
    if (put("layers/low/a", "lower", 5) < 0 || link("layers/low/a", "layers/low/b") < 0 ||
        put("layers/low/deleted", "x", 1) < 0 || put("layers/low/changed", "old", 3) < 0)
        return failed("making a layer: %s", strerror(errno));
    mkdir("layers/low/tree", 0755);
    int root = open_dir("layers/low/tree");
    tree_generate(root, seed, quick ? 100 : 300, 255);
    close(root);
    umount2("src", MNT_DETACH);
    if (mount("overlay", "src", "overlay", 0, "lowerdir=layers/low,upperdir=layers/up,workdir=layers/work") < 0) {
        failed("no overlayfs here: %s", strerror(errno));
        return SKIPPED;
    }
    if (unlink("src/deleted") < 0 || put("src/changed", "new one", 7) < 0 || put("src/added", "upper", 5) < 0 ||
        link("src/added", "src/tree/added") < 0 || mkdir("src/dir", 0700) < 0)
        return failed("changing the upper layer: %s", strerror(errno));
    if (write_image("src", "a.img") < 0 || fsck("a.img") < 0 || check_image("a.img", "src") < 0)
        return FAILED;
    struct rng r = {.state = seed};
    pid_t pid = serve("src", nobody);
    int rc = pid < 0 ? FAILED : same_at_random("fuse/image", "a.img", &r, 200);
    if (rc == OK)
        rc = check_image("fuse/image", "src");
    if (pid < 0 || serve_stop(pid) < 0)
        return FAILED;
    umount2("src", MNT_DETACH);
    umount2("layers", MNT_DETACH);
    return rc;
}

static int case_sparse(void)
{
    const off_t size = (off_t)1 << 40;
    if (fresh("src") < 0)
        return FAILED;
    int fd = open("src/huge", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (ftruncate(fd, size) < 0 || pwrite(fd, "start", 5, 0) < 0 || pwrite(fd, "middle", 6, size / 2 + 12345) < 0 ||
        pwrite(fd, "end", 3, size - 3) < 0)
        return failed("making the file: %s", strerror(errno));
    close(fd);
    struct stat st;
    double start = now();
    if (write_image("src", "a.img") < 0 || check_image("a.img", "src") < 0)
        return FAILED;
    if (stat("a.img", &st) < 0 || st.st_size < size || st.st_blocks > 2048)
        return failed("the image of a hole takes %lld blocks", (long long)st.st_blocks);
    pid_t pid = serve("src", nobody);
    if (pid < 0)
        return FAILED;
    int rc = check_image("fuse/image", "src");
    printf("# 1 TiB written, served, mounted twice and compared in %.2f s\n", now() - start);
    return serve_stop(pid) < 0 ? FAILED : rc;
}

/* A file of this size with some bytes at these places, ended by -1. */
static int put_islands(const char *path, off_t size, const off_t *at)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), rc = fd < 0 ? -1 : ftruncate(fd, size);
    for (; rc == 0 && *at >= 0; at++)
        rc = pwrite(fd, "island", 6, *at) == 6 ? 0 : -1;
    close(fd);
    return rc < 0 ? failed("%s: %s", path, strerror(errno)) : OK;
}

/* What lseek says of path, in the mounted image: the first data, and the first hole behind it. */
static int seeks(const char *path, off_t data, off_t hole)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t d = lseek(fd, 0, SEEK_DATA), h = d < 0 ? -1 : lseek(fd, d, SEEK_HOLE);
    close(fd);
    return d == data && h == hole ? OK : failed("%s: data at %lld, a hole at %lld", path, (long long)d, (long long)h);
}

/* A change of a sparse file copies it to the layer above; that has room for its data, and not for its size. */
static int copies_up(const char *name)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "merged/%s", name);
    if (chmod(path, 0600) < 0 || stat(path, &st) < 0)
        return failed("changing %s: %s", name, strerror(errno));
    return st.st_blocks <= 4096 * 2 ? OK : failed("%s takes %lld blocks above", name, (long long)st.st_blocks);
}

static int case_holes_above(void)
{
    umount2("layers", MNT_DETACH);
    mkdir("layers", 0755);
    mkdir("merged", 0755);
    if (mount("tmpfs", "layers", "tmpfs", 0, "size=16m") < 0 || mkdir("layers/up", 0755) < 0 ||
        mkdir("layers/work", 0755) < 0)
        return failed("a small tmpfs: %s", strerror(errno));
    if (mount("overlay", "merged", "overlay", 0, "lowerdir=mnt,upperdir=layers/up,workdir=layers/work") < 0) {
        printf("# no overlayfs here: %s\n", strerror(errno));
        return OK;
    }
    int rc = copies_up("whole") < 0 || copies_up("large") < 0 || copies_up("tail") < 0 ? FAILED : OK;
    if (rc == OK)
        rc = compare("src", "mnt", TREE_BY_RULE);
    umount2("merged", MNT_DETACH);
    umount2("layers", MNT_DETACH);
    return rc;
}

static int look_at_holes(const char *image)
{
    if (check_image(image, "src") < 0 || mount_image(image, "mnt") < 0)
        return FAILED;
    static const char nearly_all_hole[] = "large\0whole"; /* neither the small ones nor the plain one */
    char listed[64];
    ssize_t len = getxattr("mnt", ROOTDISK_SPARSE, listed, sizeof(listed));
    if (len != sizeof(nearly_all_hole) || memcmp(listed, nearly_all_hole, sizeof(nearly_all_hole)) != 0)
        return failed("the image lists %zd bytes of names of sparse files", len);
    int fd = open("mnt/whole", O_RDONLY | O_CLOEXEC), rc = OK;
    bool told = lseek(fd, 0, SEEK_DATA) < 0 && errno == ENXIO;
    close(fd);
    if (told || !quick) /* Linux 6.1, where quick runs are, tells no holes of EROFS */
        rc = !told || seeks("mnt/large", 300 << 20, 301 << 20) < 0 || seeks("mnt/small", 0, 4096) < 0 ||
                     seeks("mnt/tail", (5 << 20) - 65536, (5 << 20) + 1) < 0 || case_holes_above() < 0
                 ? FAILED
                 : OK;
    else
        printf("# this kernel does not tell holes of EROFS\n");
    umount2("mnt", MNT_DETACH);
    return told || quick ? rc : failed("a file that is all hole has data");
}

static int case_holes(void)
{
    static const off_t none[] = {-1}, large[] = {(300 << 20) + 777, 1 << 29, -1}, small[] = {0, 32768, -1},
                       tail[] = {(5 << 20) - 3, -1};
    if (fresh("src") < 0 || put_islands("src/whole", 1 << 30, none) < 0 ||
        put_islands("src/large", 1 << 30, large) < 0 || put_islands("src/small", 40000, small) < 0 ||
        put_islands("src/tail", (5 << 20) + 3, tail) < 0 || truncate("src/tail", (5 << 20) + 1) < 0 ||
        put("src/plain", "content", 7) < 0)
        return FAILED;
    setxattr("src/tail", "trusted.a", "value", 5, 0);
    setxattr("src", "trusted.b", "another", 7, 0);
    setxattr("src", ROOTDISK_SPARSE, "the tree's own", 14, 0);
    if (write_image("src", "a.img") < 0 || fsck("a.img") < 0 || look_at_holes("a.img") < 0)
        return FAILED;
    pid_t pid = serve("src", nobody);
    if (pid < 0)
        return FAILED;
    int rc = look_at_holes("fuse/image");
    return serve_stop(pid) < 0 ? FAILED : rc;
}

/* The time of an image of one directory with this many entries; negative on failure. */
static double large_directory(unsigned entries)
{
    if (fresh("src") < 0 || mkdir("src/many", 0755) < 0)
        return FAILED;
    int dir = open_dir("src/many");
    for (unsigned i = 0; i < entries; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%x-%u", i * 2654435761u, i);
        if (mknodat(dir, name, i % 2 ? S_IFREG | 0644 : S_IFIFO | 0600, 0) < 0)
            return failed("making entries: %s", strerror(errno));
    }
    close(dir);
    double start = now();
    return write_image("src", "a.img") < 0 ? FAILED : now() - start;
}

static int case_large_directory(void)
{
    unsigned entries = quick ? 10000 : 100000;
    double few = large_directory(entries / 10), many = large_directory(entries);
    if (few < 0 || many < 0)
        return FAILED;
    printf("# image of one directory with %u entries in %.2f s, ten times as many in %.2f s\n", entries / 10, few,
           many);
    if (many > 25 * few + 0.1)
        return failed("ten times the entries take %.1f s instead of %.1f", many, few);
    return fsck("a.img") < 0 ? FAILED : check_image("a.img", "src");
}

/* A path of `depth` times `length` bytes, with a file at its end. */
static int make_deep(unsigned depth, unsigned length)
{
    char name[256];
    memset(name, 'd', length);
    name[length] = '\0';
    int dir = open_dir("src");
    for (unsigned i = 0; i < depth && dir >= 0; i++) {
        int next = mkdirat(dir, name, 0755) < 0 ? -1 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(dir);
        dir = next;
    }
    int fd = openat(dir, "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int rc = fd < 0 || write(fd, "deep down", 9) != 9 ? failed("making it: %s", strerror(errno)) : OK;
    close(fd);
    close(dir);
    return rc;
}

static int case_deep(void)
{
    static const struct {
        unsigned depth, length;
    } shapes[] = {{3000, 1}, {2040, 2}, {50, 255}};
    for (unsigned i = quick ? 2 : 0; i < 3; i++) {
        if (fresh("src") < 0 || make_deep(shapes[i].depth, shapes[i].length) < 0 || write_image("src", "a.img") < 0 ||
            check_image("a.img", "src") < 0)
            return FAILED;
        if (shapes[i].depth < 1000 && fsck("a.img") < 0) /* fsck.erofs itself stops at PATH_MAX or its stack */
            printf("# depth %u x %u: %.200s\n", shapes[i].depth, shapes[i].length, why);
        struct rng r = {.state = seed};
        pid_t pid = serve("src", nobody);
        if (pid < 0)
            return FAILED;
        int rc = same_at_random("fuse/image", "a.img", &r, 20);
        if (rc == OK)
            rc = check_image("fuse/image", "src");
        if (serve_stop(pid) < 0 || rc < 0)
            return FAILED;
    }
    return OK;
}

/* The refusal's text must hold this. */
static int refused(const char *part)
{
    struct err err = {0};
    struct rootdisk *rd;
    if (rootdisk_scan(&rd, AT_FDCWD, "src", false, &err) == 0) {
        rootdisk_free(rd);
        return failed("not refused: %s", part);
    }
    return strstr(err.text, part) ? OK : failed("refused with \"%s\", without \"%s\"", err.text, part);
}

static int case_large_xattrs(void)
{
    static char value[65536];
    memset(value, 'v', sizeof(value));
    if (fresh("src") < 0 || put("src/file", "x", 1) < 0 || symlink("/some/where", "src/link") < 0 ||
        mkdir("src/dir", 0755) < 0)
        return failed("making files: %s", strerror(errno));
    static const char *const paths[] = {"src/file", "src/link", "src/dir"};
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < (p == 0 ? 3 : 1); i++) {
            char name[] = "trusted.large0";
            name[13] = (char)('0' + i);
            if (lsetxattr(paths[p], name, value, p == 0 && i == 2 ? 50000 : p == 0 ? 40000 : 65535, 0) < 0) {
                failed("no large attributes on this tmpfs: %s", strerror(errno));
                return SKIPPED;
            }
        }
    if (write_image("src", "a.img") < 0 || fsck("a.img") < 0 || check_image("a.img", "src") < 0)
        return FAILED;
    removexattr("src/dir", "trusted.large0");
    if (lsetxattr("src/dir", "trusted.toolarge", value, 65536, 0) < 0) {
        failed("no attributes of 65536 bytes on this tmpfs: %s", strerror(errno));
        return SKIPPED;
    }
    return refused("/dir: extended attribute trusted.toolarge of 65536 bytes");
}

static int case_too_large(void)
{
    if (fresh("src") < 0 || put("src/a", "", 0) < 0 || put("src/b", "", 0) < 0)
        return FAILED;
    if (truncate("src/a", (off_t)9 << 40) < 0 || truncate("src/b", (off_t)8 << 40) < 0)
        return failed("truncate: %s", strerror(errno));
    if (refused("/b of 8796093022208 bytes") < 0)
        return FAILED;
    return truncate("src/b", INT64_MAX / 2) < 0 ? OK : refused("16 TiB");
}

static int case_mounts(void)
{
    static const char inside[] = "of the mount";
    if (fresh("src") < 0 || mkdir("src/dir", 0755) < 0 || mkdir("src/dir/proc", 0750) < 0 ||
        put("src/dir/file", "below", 5) < 0 || put("src/plain", inside, sizeof(inside)) < 0)
        return FAILED;
    if (mount("tmpfs", "src/dir/proc", "tmpfs", 0, "mode=711,uid=77") < 0 ||
        put("src/dir/proc/seen", inside, sizeof(inside)) < 0 ||
        mount("src/plain", "src/dir/file", NULL, MS_BIND, NULL) < 0)
        return failed("mounting: %s", strerror(errno));
    if (write_image("src", "a.img") < 0 || fsck("a.img") < 0 || mount_image("a.img", "mnt") < 0)
        return FAILED;
    struct stat dir, file, plain;
    int rc = stat("mnt/dir/proc", &dir) < 0 || stat("mnt/dir/file", &file) < 0 || stat("mnt/plain", &plain) < 0 ||
                     access("mnt/dir/proc/seen", F_OK) == 0
                 ? failed("the mount's contents are in the image")
                 : OK;
    if (rc == OK && ((dir.st_mode & 07777) != 0711 || dir.st_uid != 77 || dir.st_nlink != 2))
        rc = failed("the mounted directory's metadata is not carried");
    if (rc == OK && (file.st_size != 0 || plain.st_size != sizeof(inside) || plain.st_nlink != 1))
        rc = failed("a mounted file is not empty");
    umount2("mnt", MNT_DETACH);
    return rc;
}

static int count_lines(const char *text, const char *part)
{
    int lines = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        lines++;
    return lines;
}

/* Opens a file of the mounted image and reads its first byte twice: 0, or the error of both. */
static int read_errno(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), error = fd < 0 ? errno : 0;
    char byte;
    for (int i = 0; fd >= 0 && i < 2; i++)
        error = pread(fd, &byte, 1, 0) == 1 ? 0 : errno;
    close(fd);
    return error;
}

/* A file of the same size and time as the old one in its place. */
static int put_twin(const char *path, const void *data, size_t len)
{
    struct stat st;
    if (stat(path, &st) < 0 || put("src/new", data, len) < 0)
        return FAILED;
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    return utimensat(AT_FDCWD, "src/new", times, 0) < 0 || rename("src/new", path) < 0 ? FAILED : OK;
}

static int case_changed(void)
{
    static const char *const names[] = {"same",    "rewritten", "shrunk", "grown",
                                        "removed", "twin",      "fifo",   "moved/file"};
    static char data[50000];
    memset(data, 'x', sizeof(data));
    if (fresh("src") < 0 || mkdir("src/moved", 0755) < 0)
        return FAILED;
    for (int i = 0; i < 8; i++) {
        char path[64];
        snprintf(path, sizeof(path), "src/%s", names[i]);
        if (put(path, data, sizeof(data)) < 0)
            return FAILED;
    }
    pid_t pid = serve("src", nobody);
    if (pid < 0 || mount_image("fuse/image", "mnt") < 0)
        return FAILED;
    usleep(20000); /* past the resolution of mtime */
    int fd = open("src/rewritten", O_WRONLY | O_CLOEXEC);
    if (write(fd, "other", 5) != 5 || truncate("src/shrunk", 100) < 0 || truncate("src/grown", 100000) < 0 ||
        unlink("src/removed") < 0 || put_twin("src/twin", data, sizeof(data)) < 0 || unlink("src/fifo") < 0 ||
        mkfifo("src/fifo", 0600) < 0 || rename("src/moved", "src/elsewhere") < 0)
        return failed("changing files: %s", strerror(errno));
    close(fd);
    int rc = OK;
    for (int i = 0; i < 8 && rc == OK; i++) {
        char path[64];
        snprintf(path, sizeof(path), "mnt/%s", names[i]);
        int error = read_errno(path);
        if (error != (i == 0 ? 0 : EIO))
            rc = failed("reading %s: %s", names[i], strerror(error));
    }
    char *text = io_read_file(AT_FDCWD, "log", 1 << 20, NULL);
    for (int i = 0; i < 8 && rc == OK; i++) {
        char part[64];
        snprintf(part, sizeof(part), ": /%s: ", names[i]);
        if (count_lines(text, part) != (i == 0 ? 0 : 1))
            rc = failed("not one log line for %s, but: %s", names[i], text);
    }
    if (rc == OK && count_lines(text, "\n") != 7)
        rc = failed("other lines in the log: %s", text);
    free(text);
    umount2("mnt", MNT_DETACH);
    return serve_stop(pid) < 0 ? FAILED : rc;
}

/* A file in another filesystem that only the device tells from path: same inode number, size and time. */
static int make_twin(const char *path, const char *dir, char *twin, size_t size)
{
    struct stat st, got = {0};
    if (stat(path, &st) < 0 || fresh(dir) < 0)
        return FAILED;
    for (unsigned i = 0; got.st_ino != st.st_ino; i++) { /* a tmpfs counts */
        snprintf(twin, size, "%s/%u", dir, i);
        if (i > st.st_ino || put(twin, "secret!", 7) < 0 || stat(twin, &got) < 0)
            return failed("no inode %llu in another tmpfs", (unsigned long long)st.st_ino);
    }
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    char named[64];
    snprintf(named, sizeof(named), "%s/file", dir);
    return rename(twin, named) < 0 || utimensat(AT_FDCWD, named, times, 0) < 0 ? failed("making a twin") : OK;
}

/* The image's last block, which is the one file's; *error: why it cannot be read, or 0. */
static int scan_and_change(bool cross_mounts, int (*change)(void), char block[4096], int *error)
{
    struct err err = {0};
    struct rootdisk *rd;
    if (rootdisk_scan(&rd, AT_FDCWD, "src", cross_mounts, &err) < 0)
        return failed("scan: %s", err.text);
    int rc = change();
    memset(block, 0, 4096);
    *error = rootdisk_read(rd, block, 4096, rootdisk_size(rd) - 4096) < 0 ? errno : 0;
    rootdisk_free(rd);
    return rc;
}

static int change_nothing(void)
{
    return OK;
}
static int link_to_the_twin(void)
{
    return rename("src/deep/dir", "src/was") < 0 || symlink("../../twin", "src/deep/dir") < 0 ? failed("a link") : OK;
}
static int mount_the_twin(void)
{
    return mount("twin", "src/deep/dir", NULL, MS_BIND, NULL) < 0 ? failed("bind: %s", strerror(errno)) : OK;
}

static int case_outside(void)
{
    char block[4096], twin[64];
    int error;
    if (fresh("src") < 0 || mkdir("src/deep", 0755) < 0 || mkdir("src/deep/dir", 0755) < 0 ||
        put("src/deep/dir/file", "content", 7) < 0 || make_twin("src/deep/dir/file", "twin", twin, sizeof(twin)) < 0)
        return FAILED;
    if (scan_and_change(false, mount_the_twin, block, &error) < 0)
        return FAILED;
    if (error != EIO || strcmp(block, "secret!") == 0)
        return failed("a twin of another device is read: %s", block);
    if (scan_and_change(true, change_nothing, block, &error) < 0 || error || strcmp(block, "secret!") != 0)
        return failed("a folder that was mounted before is not read: %s", strerror(error));
    umount2("src/deep/dir", MNT_DETACH);
    if (scan_and_change(false, link_to_the_twin, block, &error) < 0)
        return FAILED;
    if (error != EIO || strcmp(block, "secret!") == 0)
        return failed("a folder that became a link is followed: %s", block);
    umount2("twin", MNT_DETACH);
    return OK;
}

/* More files than descriptors: read them all, twice, with room for few. */
static int case_many_files(void)
{
    if (fresh("src") < 0)
        return FAILED;
    for (unsigned i = 0; i < 3000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "src/%u", i);
        if (put(path, path, strlen(path)) < 0)
            return FAILED;
    }
    if (write_image("src", "a.img") < 0)
        return FAILED;
    struct rlimit old, few = {64, 64};
    getrlimit(RLIMIT_NOFILE, &old);
    few.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &few);
    pid_t pid = serve("src", nobody);
    setrlimit(RLIMIT_NOFILE, &old);
    int rc = pid < 0 ? FAILED : same_bytes("fuse/image", "a.img");
    if (rc == OK)
        rc = same_bytes("fuse/image", "a.img");
    return pid < 0 || serve_stop(pid) < 0 ? FAILED : rc;
}

/* As another user, in a child: the errno of opening the file. */
static int open_as(uid_t uid, const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(255);
        _exit(open(path, O_RDONLY) < 0 ? errno : 0);
    }
    return reap(pid);
}

static int case_owner(void)
{
    chmod(".", 0755);
    if (fresh("src") < 0 || put("src/secret", "secret", 6) < 0)
        return FAILED;
    pid_t pid = serve("src", (struct rootdisk_owner){12345, 12345});
    if (pid < 0)
        return FAILED;
    int rc = open_as(12345, "fuse/image") != 0 ? failed("its owner may not read it") : OK;
    if (rc == OK && open_as(12346, "fuse/image") != EACCES)
        rc = failed("others may read it");
    if (rc == OK && (open("fuse/image", O_WRONLY) >= 0 || errno != EROFS))
        rc = failed("open for writing: %s", strerror(errno));
    return serve_stop(pid) < 0 ? FAILED : rc;
}

static int case_endings(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    if (fresh("src") < 0 || put("src/file", "content", 7) < 0)
        return FAILED;
    for (int i = 0; i < 3; i++) {
        pid_t pid = serve("src", nobody);
        if (pid < 0 || kill(pid, signals[i]) < 0 || reap(pid) != 0)
            return failed("signal %d does not end it cleanly", signals[i]);
        umount2("fuse", MNT_DETACH);
    }
    pid_t pid = serve("src", nobody);
    if (pid < 0)
        return FAILED;
    int fd = open("fuse/image", O_RDONLY | O_CLOEXEC);
    kill(pid, SIGKILL);
    reap(pid);
    char byte;
    int rc = pread(fd, &byte, 1, 0) >= 0 ? failed("reading from a dead server works") : OK; /* and does not hang */
    close(fd);
    umount2("fuse", MNT_DETACH);
    return rc;
}

/* What rootdisk_mount returns in a child after one change. */
static int mount_result(void (*change)(void))
{
    mkdir("fuse", 0755);
    pid_t pid = fork();
    if (pid == 0) {
        change();
        struct err err = {0};
        int rc = rootdisk_mount("fuse", &err);
        _exit(rc == ROOTDISK_NO_FUSE && err.text[0] ? 0 : 1);
    }
    return reap(pid);
}

static void hide_dev(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("tmpfs", "/dev", "tmpfs", 0, NULL) < 0)
        _exit(2);
}

static void drop_admin(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    if (syscall(SYS_capget, &header, data) < 0)
        _exit(2);
    data[0].effective &= ~(1u << CAP_SYS_ADMIN);
    data[0].permitted &= ~(1u << CAP_SYS_ADMIN);
    data[0].inheritable = data[1].inheritable = 0;
    if (syscall(SYS_capset, &header, data) < 0)
        _exit(2);
}

static int case_no_fuse(void)
{
    if (mount_result(hide_dev) != 0)
        return failed("no ROOTDISK_NO_FUSE without /dev/fuse");
    return mount_result(drop_admin) == 0 ? OK : failed("no ROOTDISK_NO_FUSE without CAP_SYS_ADMIN");
}

/* --- running ------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *title;
    int (*run)(void);
} cases[] = {
    {"trees", "random trees: fsck.erofs, the kernel's view, mkfs.erofs', and FUSE agree", case_trees},
    {"same-bytes", "the same tree gives the same bytes", case_same_bytes},
    {"overlay", "a tree on overlayfs", case_overlay},
    {"sparse", "a sparse file of 1 TiB", case_sparse},
    {"holes", "holes stay holes, also when a file is copied to the layer above", case_holes},
    {"large-directory", "a directory of many entries", case_large_directory},
    {"deep", "paths deeper than PATH_MAX", case_deep},
    {"large-xattrs", "large attributes, and those too large are refused", case_large_xattrs},
    {"too-large", "a tree over 16 TiB is refused", case_too_large},
    {"mounts", "mounts in the tree are not crossed", case_mounts},
    {"changed", "a changed source file is EIO and one log line", case_changed},
    {"outside", "no file outside of the tree is read, whatever replaces its folder", case_outside},
    {"many-files", "more files than descriptors", case_many_files},
    {"owner", "only its owner reads the served image, and nobody writes", case_owner},
    {"endings", "signals, unmounting and death end the server", case_endings},
    {"no-fuse", "missing or forbidden FUSE is told apart", case_no_fuse},
};
enum { CASES = sizeof(cases) / sizeof(*cases) };

static bool wanted(char **names, const char *name)
{
    for (char **n = names; *n; n++)
        if (strcmp(*n, name) == 0)
            return true;
    return !*names;
}

/* The reason as one line of text, whatever bytes of names are in it. */
static void explain(const char *name)
{
    printf("# %s: ", name);
    for (const char *c = why; *c; c++)
        printf(*c >= ' ' && *c < 127 ? "%c" : "\\x%02x", (unsigned char)*c);
    printf("\n");
}

static int run_cases(char **names)
{
    int bad = 0;
    printf("1..%d\n# SEED=%llu\n", CASES, (unsigned long long)seed);
    for (int i = 0; i < CASES; i++) {
        fflush(stdout);
        if (!wanted(names, cases[i].name)) {
            printf("ok %d - %s # SKIP not asked for\n", i + 1, cases[i].title);
            continue;
        }
        double start = now();
        int rc = cases[i].run();
        bad += rc == FAILED;
        if (rc == FAILED) /* before the result: tests/run shows it with the result that follows */
            explain(cases[i].name);
        printf("%sok %d - %s%s%s\n# %.1f s\n", rc == FAILED ? "not " : "", i + 1, cases[i].title,
               rc == SKIPPED ? " # SKIP " : "", rc == SKIPPED ? why : "", now() - start);
    }
    return bad;
}

int main(int argc, char **argv)
{
    log_init("rootdisk");
    log_set_level(LOG_ERROR);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    seed = (uint64_t)t.tv_sec * 1000;
    for (int c; (c = getopt(argc, argv, "qn:s:")) != -1;) {
        uint64_t n;
        if (c == 'q') {
            quick = true;
            continue;
        }
        if (c == '?' || num_parse(optarg, 0, c == 'n' ? 1000000 : UINT64_MAX, &n) < 0)
            return 2;
        if (c == 'n')
            trees = (unsigned)n;
        else
            seed = n;
    }
    struct rlimit files = {1 << 17, 1 << 17};
    setrlimit(RLIMIT_NOFILE, &files);
    umask(0);
    char *work = optind < argc ? realpath(argv[optind], NULL) : NULL;
    if (!work || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        fprintf(stderr, "usage: rootdisk-oracle [-q] [-n TREES] [-s SEED] WORKDIR [CASE...], as root\n");
        return 2;
    }
    /* Images too are kept in memory: ext4 writes a file that is made anew to the disk when it is closed. */
    if (fresh(work) < 0 || chdir(work) < 0) {
        fprintf(stderr, "rootdisk-oracle: %s\n", why);
        return 2;
    }
    free(work);
    return run_cases(argv + optind + 1) ? 1 : 0;
}
