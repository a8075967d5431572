#include "rootdisk/image.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "rootdisk/encode.h"
#include "rootdisk/erofs.h"
#include "rootdisk/scan.h"
#include "rootdisk/sparse.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int rootdisk_scan(struct rootdisk **out, int dirfd, const char *path, bool cross_mounts, struct err *err)
{
    *out = NULL;
    struct rootdisk *rd = calloc(1, sizeof(*rd));
    if (!rd)
        return err_sys(err, "cannot scan %s", path);
    source_cache_init(&rd->cache);
    rd->root = openat(dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rd->root < 0)
        err_sys(err, "cannot open the directory %s", path);
    else if (scan_tree(&rd->tree, rd->root, cross_mounts, err) == 0 && sparse_note(&rd->tree, err) == 0 &&
             layout_tree(&rd->layout, &rd->tree, err) == 0) {
        rd->meta = encode_metadata(&rd->tree, &rd->layout);
        if (!rd->meta)
            err_sys(err, "cannot encode the image of %s", path);
    }
    if (!rd->meta) {
        rootdisk_free(rd);
        return -1;
    }
    *out = rd;
    return 0;
}

void rootdisk_free(struct rootdisk *rd)
{
    if (!rd)
        return;
    source_cache_clear(&rd->cache);
    if (rd->root >= 0)
        close(rd->root);
    tree_free(&rd->tree);
    layout_free(&rd->layout);
    free(rd->meta);
    free(rd);
}

int rootdisk_folder(const struct rootdisk *rd)
{
    return rd->root;
}

uint64_t rootdisk_size(const struct rootdisk *rd)
{
    return (uint64_t)rd->layout.blocks * EROFS_BLOCK;
}

uint32_t rootdisk_inodes(const struct rootdisk *rd)
{
    return rd->tree.node_count;
}

bool rootdisk_is_image(int fd)
{
    struct erofs_super super;
    struct stat st;
    return fstat(fd, &st) == 0 && io_pread_full(fd, &super, sizeof(super), EROFS_SUPER_OFFSET) == sizeof(super) &&
           le32toh(super.magic) == EROFS_MAGIC && super.block_bits == EROFS_BLOCK_BITS &&
           (uint64_t)st.st_size >= (uint64_t)le32toh(super.blocks) * EROFS_BLOCK;
}

/* The file that owns a block after the metadata: the last one that starts at or before it. */
static uint32_t file_at(const struct rootdisk *rd, uint64_t block)
{
    uint32_t low = 0, high = rd->layout.file_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (rd->tree.nodes[rd->layout.files[mid]].block <= block)
            low = mid;
        else
            high = mid;
    }
    return rd->layout.files[low];
}

static void report(struct rootdisk *rd, uint32_t node)
{
    struct node *n = &rd->tree.nodes[node];
    if (n->flags & NODE_REPORTED)
        return;
    n->flags |= NODE_REPORTED;
    char path[1024];
    int saved = errno;
    tree_path(&rd->tree, node, path, sizeof(path));
    log_error("%s: %s; reading it in the guest gives an I/O error", path,
              saved == ESTALE ? "changed since the root disk was made" : strerror(saved));
}

/* Reads at most len bytes of one file and the zeros up to its block's end.  The count, or -1. */
static ssize_t read_file(struct rootdisk *rd, uint8_t *out, size_t len, uint64_t offset)
{
    uint32_t node = file_at(rd, offset / EROFS_BLOCK);
    const struct node *n = &rd->tree.nodes[node];
    uint64_t within = offset - (uint64_t)n->block * EROFS_BLOCK;
    uint64_t end = (n->size + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK;
    if (len > end - within)
        len = end - within;
    size_t data = within >= n->size ? 0 : n->size - within < len ? n->size - within : len;
    if (data > 0 && source_read(&rd->cache, &rd->tree, rd->root, node, out, data, within) < 0) {
        report(rd, node);
        errno = EIO;
        return -1;
    }
    memset(out + data, 0, len - data);
    return (ssize_t)len;
}

ssize_t rootdisk_read(struct rootdisk *rd, void *buf, size_t len, uint64_t offset)
{
    uint64_t size = rootdisk_size(rd), meta = (uint64_t)rd->layout.meta_blocks * EROFS_BLOCK;
    if (offset >= size)
        return 0;
    if (len > size - offset)
        len = size - offset;
    size_t done = 0;
    if (offset < meta) {
        done = meta - offset < len ? meta - offset : len;
        memcpy(buf, rd->meta + offset, done);
    }
    while (done < len) {
        ssize_t n = read_file(rd, (uint8_t *)buf + done, len - done, offset + done);
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return (ssize_t)done;
}
