/* Sources: elf(5); Linux, Documentation/arch/arm64/booting.rst; Linux, fs/erofs/erofs_fs.h. */
#include "store/content.h"

#include "common/io.h"

#include <elf.h>
#include <endian.h>
#include <string.h>
#include <sys/stat.h>

enum {
    KERNEL_START = 64,
    ARM64_MAGIC_AT = 56,
    SUPER_AT = 1024,
    SUPER_SIZE = 128,
    SUPER_BLOCK_BITS = 12,
    SUPER_BLOCKS = 36,
    BLOCK_BITS = 12
};
#define EROFS_MAGIC 0xe0f5e1e2u

static int check_kernel(int fd, const char *path, struct err *err)
{
    uint8_t start[KERNEL_START] = {0};
    if (io_pread_full(fd, start, sizeof(start), 0) < 0)
        return err_sys(err, "cannot read %s", path);
#ifdef __x86_64__
    if (memcmp(start, ELFMAG, SELFMAG) != 0 || start[EI_CLASS] != ELFCLASS64)
        return err_set(err, "%s: is not an ELF kernel: use an uncompressed vmlinux, not a bzImage", path);
    if (start[18] != EM_X86_64 || start[19] != 0)
        return err_set(err, "%s: is a kernel for another kind of machine", path);
#else
    if (memcmp(start + ARM64_MAGIC_AT, "ARM\x64", 4) != 0)
        return err_set(err, "%s: is not an arm64 kernel: use an uncompressed Image", path);
#endif
    return 0;
}

static uint32_t number(const uint8_t *at)
{
    uint32_t n;
    memcpy(&n, at, sizeof(n));
    return le32toh(n);
}

static int check_image(int fd, const char *path, struct err *err)
{
    struct stat st;
    uint8_t super[SUPER_SIZE] = {0};
    if (fstat(fd, &st) < 0 || io_pread_full(fd, super, sizeof(super), SUPER_AT) < 0)
        return err_sys(err, "cannot read %s", path);
    if (number(super) != EROFS_MAGIC || super[SUPER_BLOCK_BITS] != BLOCK_BITS) {
        err_set(err, "%s: is not an EROFS image", path);
        err_hint(err, "make one from a tree: rootdisk write TREE FILE");
        return -1;
    }
    if ((uint64_t)st.st_size < (uint64_t)number(super + SUPER_BLOCKS) << BLOCK_BITS)
        return err_set(err, "%s: the image is incomplete", path);
    return 0;
}

int content_check(enum store_kind kind, int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, "%s: is not a regular file", path);
    return kind == STORE_KERNELS ? check_kernel(fd, path, err) : check_image(fd, path, err);
}
