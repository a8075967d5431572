#include "entry/disks/ext4.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/run.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* e2fsck believes the number of groups in the superblock, and allocates descriptors for all: 4 GB for a disk of 64 MiB
 * that a guest prepared. Honest disks need far less than this, of which 8 MiB for each thread (one for each processor,
 * for disks of 64 GiB and more). */
static uint64_t enough_memory(int fd)
{
    struct stat st;
    return ((uint64_t)1 << 30) + (fstat(fd, &st) == 0 ? (uint64_t)st.st_size / 64 : 0);
}

/* Starts one of e2fsprogs' programs as user, with the disk fd as its descriptor 3 and, when it is not -1, tree, which
 * it may read whoever owns the files, as 4. */
static int start_e2fsprogs(struct run_as_started *r, const char *const argv[], int fd, int tree, uid_t user,
                           struct err *err)
{
    char path[4096];
    const int fds[] = {fd, tree};
    struct run_as as = {.uid = user, .fds = fds, .fd_count = tree < 0 ? 1 : 2, .memory = enough_memory(fd)};
    if (tree >= 0)
        as.capabilities = privilege_reading();
    int started = run_as_start(r, argv, &as, err);
    if (started < 0 && !run_find(argv[0], path, sizeof(path)))
        err_hint(err, "install e2fsprogs");
    return started;
}

/* Its exit status, or -1 with err. */
static int run_e2fsprogs(const char *const argv[], int fd, uid_t user, struct buf *output, struct err *err)
{
    struct run_as_started r;
    return start_e2fsprogs(&r, argv, fd, -1, user, err) < 0 ? -1 : run_as_finish(&r, output, err);
}
static const char disk[] = RUN_FD_PATH(3), copied[] = RUN_FD_PATH(4);

/* The tree, for mke2fs -d, which opens by name, and would follow a link that was a folder a moment before: so mke2fs
 * sees the tree through a mount that follows no links (Linux 5.14; on older kernels, the tree's owner has to be
 * trusted). */
static int open_tree_to_copy(const char *path, struct err *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSYMFOLLOW};
    cleanup_close int tree =
        (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree >= 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) == 0)
        return steal_fd(&tree);
    if (tree < 0)
        return err_sys(err, "cannot open the tree %s", path);
    log_debug("cannot keep mke2fs from following links in %s: %s", path, strerror(errno));
    return steal_fd(&tree);
}

/* mke2fs(8), ext4(5).  Lazy tables and no discard keep a sparse file sparse and the time short, as do large groups
 * of block groups.  A disk that ends with the VM needs no journal, no room to grow and no spare superblocks. */
int ext4_start(struct ext4_making *m, int fd, const char *label, const char *tree, bool kept, uid_t user,
               struct err *err)
{
    const char *features = kept ? "has_journal" : "^has_journal,^resize_inode,sparse_super2";
    const char *extended = kept ? "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0"
                                : "lazy_itable_init=1,num_backup_sb=0,nodiscard,root_owner=0:0";
    const char *groups = kept ? "256" : "4096", *copy = tree ? "-d" : disk, *from = tree ? copied : NULL;
    const char *argv[] = {"mke2fs", "-q",   "-F", "-t",     "ext4", "-m",     "0",  "-e", "remount-ro", "-L", label,
                          "-G",     groups, "-O", features, "-E",   extended, copy, from, disk,         NULL};
    cleanup_close int source = tree ? open_tree_to_copy(tree, err) : -1;
    if (tree && source < 0)
        return -1;
    m->label = label;
    m->tree = tree;
    return start_e2fsprogs(&m->run, argv, fd, source, user, err);
}

int ext4_finish(struct ext4_making *m, struct err *err)
{
    cleanup_buf struct buf output = {0};
    int status = run_as_finish(&m->run, &output, err);
    if (status > 0) {
        err_set(err, "cannot create the filesystem of the %s disk: mke2fs says: %s", m->label, run_last_line(&output));
        if (m->tree)
            err_hint(err, "if %s does not fit, raise ROOTFS_SIZE or free space in VM_SCRATCH_DIR", m->tree);
    }
    return status == 0 ? 0 : -1;
}

int ext4_make(int fd, const char *label, bool kept, uid_t user, struct err *err)
{
    struct ext4_making m;
    return ext4_start(&m, fd, label, NULL, kept, user, err) < 0 ? -1 : ext4_finish(&m, err);
}

/* e2fsck -p names the problem on the line before the one that says that it gives up; or, if it cannot open the
 * filesystem, after its own name, before some lines of advice. */
static const char *why_given_up(struct buf *output)
{
    static const char own[] = "e2fsck: ";
    char *line = output->data ? strstr(output->data, "UNEXPECTED INCONSISTENCY") : NULL;
    while (line && line > output->data && line[-1] != '\n')
        line--;
    if (line) {
        *line = '\0';
        output->len = (size_t)(line - output->data);
        return run_last_line(output);
    }
    for (char *p = output->data; p && (p = strstr(p, own)); p += strlen(own))
        line = p + strlen(own);
    if (!line)
        return run_last_line(output);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* Multiple mount protection (s_feature_incompat at 0x60 of the superblock, INCOMPAT_MMP): e2fsck sleeps for as long as
 * the filesystem says, which the guest may have made hours.  entry's lock keeps a second VM from the disk already. */
static bool makes_wait(int fd)
{
    const uint32_t mmp = 0x100;
    uint32_t incompatible = 0;
    return ext4_size(fd) > 0 && pread(fd, &incompatible, sizeof(incompatible), 1024 + 0x60) == sizeof(incompatible) &&
           le32toh(incompatible) & mmp;
}

/* The guest's init removes lost+found, and a thorough check creates it again (e2fsck/pass3.c): no data was repaired.
 * That line, and the summary, are all that e2fsck says then. */
static bool only_lost_and_found(const struct buf *output)
{
    const char *first = output->data ? strstr(output->data, "/lost+found not found.  CREATED.\n") : NULL;
    const char *end = first ? strchr(first, '\n') : NULL;
    return end && memchr(output->data, '\n', (size_t)(end - output->data)) == NULL && strchr(end + 1, '\n') &&
           strchr(end + 1, '\n')[1] == '\0';
}

/* e2fsck(8): -E discard punches holes into the file once all of it has been found correct; it does nothing without -f.
 * Exit status 1 and 2 mean repaired; 4 and more mean that a person must decide. */
int ext4_check(int fd, const char *path, bool thorough, uid_t user, struct err *err)
{
    if (makes_wait(fd))
        return err_set(err,
                       "the data disk %s has multiple mount protection, for which e2fsck would wait: turn it off with "
                       "tune2fs -O ^mmp",
                       path);
    const char *argv[] = {"e2fsck", "-p", disk, thorough ? "-f" : NULL, "-E", "discard", NULL};
    cleanup_buf struct buf output = {0};
    int status = run_e2fsprogs(argv, fd, user, &output, err);
    if (status < 0)
        return -1;
    if (status >= 4)
        return err_set(
            err,
            "the data disk %s has errors that e2fsck does not repair by itself: %s (back up the file, then run "
            "e2fsck -f on it)",
            path, why_given_up(&output));
    if (status > 0 && !only_lost_and_found(&output))
        log_warn("the data disk %s was repaired", path);
    return 0;
}

/* The superblock, 1024 bytes in (Linux Documentation/filesystems/ext4/super.rst): s_blocks_count_lo at 0x4,
 * s_free_blocks_count_lo at 0xc, s_log_block_size at 0x18, s_magic at 0x38, s_blocks_count_hi at 0x150,
 * s_free_blocks_count_hi at 0x158.  Bytes of all blocks and, unless it is NULL, of the free ones. */
static uint64_t read_super(int fd, uint64_t *unused)
{
    uint32_t super[256];
    if (pread(fd, super, sizeof(super), 1024) != sizeof(super) || (le32toh(super[0x38 / 4]) & 0xffff) != 0xef53)
        return 0;
    unsigned bits = 10 + (le32toh(super[0x18 / 4]) & 7);
    if (unused)
        *unused = ((uint64_t)le32toh(super[0x158 / 4]) << 32 | le32toh(super[0xc / 4])) << bits;
    return ((uint64_t)le32toh(super[0x150 / 4]) << 32 | le32toh(super[0x4 / 4])) << bits;
}

uint64_t ext4_size(int fd)
{
    return read_super(fd, NULL);
}

uint64_t ext4_wasted(int fd)
{
    struct stat st;
    uint64_t unused = 0, size = read_super(fd, &unused);
    if (fstat(fd, &st) < 0 || unused > size)
        return 0;
    uint64_t has = (uint64_t)st.st_blocks * 512;
    return has > size - unused ? has - (size - unused) : 0;
}

int ext4_grow(int fd, const char *path, uid_t user, struct err *err)
{
    const char *argv[] = {"resize2fs", disk, NULL};
    cleanup_buf struct buf output = {0};
    int status = run_e2fsprogs(argv, fd, user, &output, err);
    if (status < 0)
        return -1;
    if (status > 0)
        return err_set(err, "cannot grow the data disk %s: resize2fs says: %s", path, run_last_line(&output));
    return 0;
}
