/* The guest's initramfs: the static segment, followed by a segment for this run with the environment, the command and
 * the settings.  It exists in memory only: secrets never touch a disk. */
#ifndef CTR_INITRD_H
#define CTR_INITRD_H

#include "common/buf.h"
#include "common/err.h"

#include <sys/types.h>

struct initrd_plan {
    const char *image;             /* the static segment's file */
    const struct buf *environment; /* NAME=value strings, each with its NUL */
    const struct buf *command;     /* arguments, each with its NUL */
};

/* Writes the whole to path (a tmpfs: memory), readable by uid only.  settings are NAME=value strings for
 * init (guest-init/settings.h), each with its NUL.  -1 with err. */
int initrd_make(const struct initrd_plan *plan, const struct buf *settings, const char *path, uid_t uid,
                struct err *err);

/* Frees the initramfs's memory, with the secrets in it: Firecracker has read it into the guest's memory, but keeps the
 * file open. */
int initrd_forget(const char *path, struct err *err);

/* Appends one file of a cpio archive in the kernel's "newc" form (Linux
 * Documentation/driver-api/early-userspace/buffer-format.rst); its directory must already be in an archive. initrd_end
 * appends the trailer. */
void initrd_file(struct buf *out, const char *name, const void *data, size_t len);
void initrd_end(struct buf *out);

#endif
