/* ext4 filesystems in image files, by e2fsprogs: made, checked, grown. */
#ifndef CTR_EXT4_H
#define CTR_EXT4_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The programs run as user, who owns the disk's file, without capabilities and with no descriptor but the file's,
 * because a guest wrote the data that they read.  path is for messages only. */

/* Makes a filesystem that fills the open file fd.  label: its name, also in messages.  tree (may be NULL): a directory
 * that is copied into it.  kept: the filesystem outlives the VM, so it has a journal and can grow.  -1 with err. */
int ext4_make(int fd, const char *label, const char *tree, bool kept, uid_t user, struct err *err);

/* Runs e2fsck on fd, with the repairs that it makes without asking.  thorough: checks everything even if the filesystem
 * was unmounted properly, and returns its free space to the host.  -1 with err if other repairs are needed. */
int ext4_check(int fd, const char *path, bool thorough, uid_t user, struct err *err);

/* Bytes of the filesystem in fd, which may be less than the file's; 0 when there is none. */
uint64_t ext4_size(int fd);

/* Bytes that the file takes on the host but the filesystem in it does not use, since Firecracker's disks cannot
 * discard. */
uint64_t ext4_wasted(int fd);

/* Grows the filesystem in fd, checked thoroughly before, to fill the file.  -1 with err. */
int ext4_grow(int fd, const char *path, uid_t user, struct err *err);

#endif
