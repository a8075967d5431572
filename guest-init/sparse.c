#include "guest-init/sparse.h"

#include "common/beneath.h"
#include "common/cleanup.h"
#include "common/settings.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define METACOPY "trusted.overlay.metacopy" /* the data is below (Documentation/filesystems/overlayfs.rst) */

enum { LIST_MAX = 64 << 10, BLOCK = 4096, EXTENTS = 64 };

static bool holes_are_told(int dir, const char *path)
{
    struct stat st;
    cleanup_close int fd = beneath_open(dir, path, O_RDONLY, 0);
    return fd >= 0 && fstat(fd, &st) == 0 && lseek(fd, 0, SEEK_HOLE) < st.st_size;
}

void sparse_list(const char *lower, struct buf *list)
{
    static char text[LIST_MAX];
    cleanup_close int dir = open(lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t len = dir < 0 ? -1 : fgetxattr(dir, ROOTDISK_SPARSE, text, sizeof(text));
    if (len > 0 && text[len - 1] == '\0' && !holes_are_told(dir, text))
        buf_add(list, text, (size_t)len);
}

void sparse_make(const struct buf *list, const char *merged)
{
    struct stat st;
    cleanup_close int dir = open(merged, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
        cleanup_close int fd = beneath_open(dir, list->data + at, O_RDONLY | O_NONBLOCK, 0);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
            (void)!fchmod(fd, st.st_mode & 07777);
    }
}

/* Copies block by block, and leaves out blocks of zeros: an extent is a chunk, only a part of which may be data. */
static int copy_range(int in, int out, uint64_t at, uint64_t end)
{
    static const char zeros[BLOCK];
    char block[BLOCK];
    for (; at < end; at += BLOCK) {
        ssize_t len = pread(in, block, sizeof(block), (off_t)at);
        if (len <= 0)
            return (int)len;
        if (memcmp(block, zeros, (size_t)len) != 0 && pwrite(out, block, (size_t)len, (off_t)at) != len)
            return -1;
    }
    return 0;
}

static int copy_extents(int in, int out, uint64_t size)
{
    static union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
    } u;
    for (uint64_t at = 0; at < size;) {
        u.map = (struct fiemap){.fm_start = at, .fm_length = size - at, .fm_extent_count = EXTENTS};
        if (ioctl(in, FS_IOC_FIEMAP, &u.map) < 0)
            return -1;
        if (u.map.fm_mapped_extents == 0)
            break;
        for (uint32_t i = 0; i < u.map.fm_mapped_extents; i++) {
            const struct fiemap_extent *e = &u.map.fm_extents[i];
            uint64_t end = e->fe_logical + e->fe_length;
            if (end <= at || copy_range(in, out, e->fe_logical, end < size ? end : size) < 0)
                return -1;
            at = end;
        }
    }
    return 0;
}

static void fill_file(int in, int out)
{
    struct stat st;
    if (in < 0 || out < 0 || fstat(in, &st) < 0 || fgetxattr(out, METACOPY, NULL, 0) < 0)
        return;
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    int made = ftruncate(out, st.st_size) == 0 && copy_extents(in, out, (uint64_t)st.st_size) == 0 ? 0 : -1;
    if (made < 0)
        (void)!ftruncate(out, 0); /* its room is free again */
    if (made < 0)
        (void)!ftruncate(out, st.st_size);
    futimens(out, times);
    if (made == 0)
        fremovexattr(out, METACOPY);
}

void sparse_fill(const struct buf *list, const char *lower, const char *upper)
{
    cleanup_close int from = open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int to = open(upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
        cleanup_close int in = beneath_open(from, list->data + at, O_RDONLY | O_NONBLOCK, 0);
        cleanup_close int out = beneath_open(to, list->data + at, O_RDWR | O_NONBLOCK, 0);
        fill_file(in, out);
    }
}
