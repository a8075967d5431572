/* ext4 filesystems in image files, by e2fsprogs: made, checked, grown. */
#ifndef CTR_EXT4_H
#define CTR_EXT4_H

#include "common/err.h"
#include "common/run.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The programs run as user, who owns the disk's file, without capabilities and with no descriptor but the file's,
 * because a guest wrote the data that they read.  path is for messages only. */

/* A filesystem that mke2fs is making.  run.pid is 0 when there is none; else ext4_finish or run_as_stop ends it. */
struct ext4_making {
    struct run_as_started run;
    const char *label, *tree;
};

/* Makes a filesystem that fills the open file fd.  label: its name, also in messages.  tree (may be NULL): a directory
 * that is copied into it.  Both must live until the end.  kept: the filesystem outlives the VM, so it has a journal and
 * can grow.  -1 with err, and then nothing is to be finished. */
int ext4_start(struct ext4_making *m, int fd, const char *label, const char *tree, bool kept, uid_t user,
               struct err *err);
int ext4_finish(struct ext4_making *m, struct err *err);

/* Both, without a tree. */
int ext4_make(int fd, const char *label, bool kept, uid_t user, struct err *err);

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
