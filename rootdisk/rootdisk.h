/* A directory tree as an EROFS image that is never copied: scanning reads metadata only, and the image's
 * data blocks are read from the source files when somebody asks.
 *
 *   rootdisk_scan -> rootdisk_write                                   the image as a file
 *   rootdisk_scan -> rootdisk_mount -> fork -> rootdisk_serve         the image as a file over FUSE
 *
 * Both give the same bytes, and the same tree gives the same bytes each time.  rootdisk/README.md says what the image
 * keeps and what it leaves out.  Functions return 0, or -1 with *err set, unless they say otherwise. */
#ifndef CTR_ROOTDISK_H
#define CTR_ROOTDISK_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rootdisk;

/* Scans the directory dirfd/path (as in openat) and lays out its image.  Needs the rights to read everything: an
 * unreadable directory is an error, not a gap.  The content of mounts inside it is included only with cross_mounts.
 * The scan changes the working directory while it runs, so no other thread may depend on it.  *out is the caller's to
 * free. */
int rootdisk_scan(struct rootdisk **out, int dirfd, const char *path, bool cross_mounts, struct err *err);
void rootdisk_free(struct rootdisk *rd);

int rootdisk_folder(const struct rootdisk *rd);      /* descriptor of the directory; not the caller's */
uint64_t rootdisk_size(const struct rootdisk *rd);   /* bytes of the image, a multiple of 4096 */
uint32_t rootdisk_inodes(const struct rootdisk *rd); /* files, directories and all else, hardlinks once */

/* Reads len bytes of the image at offset; past the end are none.  The count, or -1 with errno: EIO when a source file
 * is no longer what was scanned (logged once for each file). */
ssize_t rootdisk_read(struct rootdisk *rd, void *buf, size_t len, uint64_t offset);

/* Writes the image to fd, a regular file open for writing, replacing what it holds.  Holes stay holes. */
int rootdisk_write(struct rootdisk *rd, int fd, struct err *err);

/* Whether fd is a whole EROFS image, by its superblock and its size. */
bool rootdisk_is_image(int fd);

/* Mounts a FUSE filesystem on a directory (CAP_SYS_ADMIN): read-only, and others may enter.  Its /dev/fuse descriptor,
 * close-on-exec, for rootdisk_serve; until that runs, access to the mountpoint blocks.  Returns ROOTDISK_NO_FUSE, with
 * *err set, where FUSE is missing or not permitted: the caller can then use rootdisk_write. */
enum { ROOTDISK_NO_FUSE = -2 };
int rootdisk_mount(const char *mountpoint, struct err *err);
int rootdisk_unmount(const char *mountpoint, struct err *err);

/* Serves the image as MOUNTPOINT/image, a read-only file of this owner that nobody else may open, until unmounted or
 * sent SIGTERM, SIGINT or SIGHUP (which it blocks and takes from a signalfd).  Meant for a forked child of its own: one
 * thread, and a source that hangs hangs only this.  Takes over fuse_fd; the parent must close its copy after the fork,
 * so that reads fail when the child dies instead of waiting.  One byte, '\n', is written to ready_fd (-1: to nobody)
 * once the file can be opened; ready_fd is closed then.  confined: before the first request, this process gives up for
 * ever the right to do anything except open files of the tree and answer (common/sandbox.h, common/landlock.h); it must
 * have no_new_privs. */
struct rootdisk_owner {
    uid_t uid;
    gid_t gid;
};
int rootdisk_serve(struct rootdisk *rd, int fuse_fd, int ready_fd, struct rootdisk_owner owner, bool confined,
                   struct err *err);

#endif
