/* ext4 filesystems in image files, by e2fsprogs: made, checked, grown. */
#ifndef CTR_EXT4_H
#define CTR_EXT4_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes one that fills the open file fd.  label: its name, also in messages.  tree (may be NULL): a folder
 * that is copied into it.  kept: it outlives the VM, and so has a journal, and can grow.  -1 with err. */
int ext4_make(int fd, const char *label, const char *tree, bool kept, struct err *err);

/* e2fsck on the file at path; repairs what can be repaired without asking.  thorough: looks at everything
 * even when it was unmounted properly.  -1 with err when there is more than that to repair. */
int ext4_check(const char *path, bool thorough, struct err *err);

/* Bytes of the filesystem in fd, which may be less than the file's; 0 when there is none. */
uint64_t ext4_size(int fd);

/* Grows the filesystem at path, checked thoroughly before, to fill the file.  -1 with err. */
int ext4_grow(const char *path, struct err *err);

#endif
