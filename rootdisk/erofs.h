/* The part of EROFS' on-disk format that the images here use; everything is little-endian.
 * Source: Linux, fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst.  Two limits come from how
 * kernels read it, not from the format: an inline tail, and an inlined symlink with its whole inode, must
 * lie in one block (fs/erofs/data.c, inode.c). */
#ifndef CTR_ROOTDISK_EROFS_H
#define CTR_ROOTDISK_EROFS_H

#include <stdint.h>

enum {
    EROFS_BLOCK = 4096,
    EROFS_BLOCK_BITS = 12,
    EROFS_SUPER_OFFSET = 1024,
    EROFS_SLOT = 32, /* inodes are found by number: nid * EROFS_SLOT from the start of the metadata */
    EROFS_ROOT_NID_MAX = 0xffff,
    EROFS_XATTR_VALUE_MAX = 0xffff,
    EROFS_XATTR_BODY_MAX = 12 + 4 * 0xfffe, /* header and entries of one inode: i_xattr_icount is 16 bits */
    EROFS_BLOCKS_MAX = 0xfffffffe           /* addresses are 32 bits, and all ones means "none" */
};

#define EROFS_MAGIC 0xe0f5e1e2u
#define EROFS_COMPAT_SB_CHKSUM 0x1u
#define EROFS_COMPAT_MTIME 0x2u

#define EROFS_INCOMPAT_CHUNKED_FILE 0x4u /* Linux 5.15 */

enum erofs_data_layout { EROFS_FLAT_PLAIN = 0, EROFS_FLAT_INLINE = 2, EROFS_CHUNK_BASED = 4 };

/* A chunk-based inode has the binary logarithm of the blocks in a chunk in place of the data's address, and after its
 * attributes a 32-bit address for each chunk; this is the address of a hole. */
#define EROFS_NULL_ADDR 0xffffffffu

enum erofs_xattr_index {
    EROFS_XATTR_USER = 1,
    EROFS_XATTR_ACL_ACCESS = 2,
    EROFS_XATTR_ACL_DEFAULT = 3,
    EROFS_XATTR_TRUSTED = 4,
    EROFS_XATTR_SECURITY = 6
};

struct erofs_super {
    uint32_t magic;
    uint32_t checksum; /* crc32c, without the final inversion, from here to the end of the first block */
    uint32_t feature_compat;
    uint8_t block_bits;
    uint8_t ext_slots;
    uint16_t root_nid;
    uint64_t inodes;
    uint64_t build_time;
    uint32_t build_time_ns;
    uint32_t blocks;
    uint32_t meta_block;
    uint32_t xattr_block;
    uint8_t uuid[16];
    uint8_t volume_name[16];
    uint32_t feature_incompat;
    uint8_t unused[44]; /* compression, more devices, long xattr prefixes */
};

/* The 64-byte kind: ids of 32 bits, times with nanoseconds. */
struct erofs_inode {
    uint16_t format;       /* bit 0: this kind; from bit 1: the data layout */
    uint16_t xattr_icount; /* 0, or 1 + (bytes after the xattr header) / 4 */
    uint16_t mode;
    uint16_t reserved;
    uint64_t size;
    uint32_t block; /* address of the data; a device's number for a device; a chunk's size */
    uint32_t ino;   /* for 32-bit stat only */
    uint32_t uid;
    uint32_t gid;
    uint64_t mtime;
    uint32_t mtime_ns;
    uint32_t nlink;
    uint8_t unused[16];
};

enum { EROFS_XATTR_HEADER = 12 }; /* all zero: no shared attributes, no name filter */

/* Followed by the name without its prefix and the value; padded to 4 bytes. */
struct erofs_xattr {
    uint8_t name_len;
    uint8_t index;
    uint16_t value_len;
};

/* A directory block holds n of these, then n names; the first name's offset tells n.  Names are sorted as
 * unsigned bytes through all blocks, "." and ".." among them. */
struct erofs_dirent {
    uint64_t nid;
    uint16_t name_offset;
    uint8_t type;
    uint8_t reserved;
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_super) == 128, "superblock");
_Static_assert(sizeof(struct erofs_inode) == 64, "inode");
_Static_assert(sizeof(struct erofs_xattr) == 4, "xattr entry");
_Static_assert(sizeof(struct erofs_dirent) == 12, "dirent");

#endif
