#include "entry/disks/initrd.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static void pad4(struct buf *out)
{
    while (out->len % 4 && !buf_failed(out))
        buf_add(out, "", 1);
}

void initrd_file(struct buf *out, const char *name, const void *data, size_t len)
{
    unsigned mode = strcmp(name, "TRAILER!!!") == 0 ? 0 : S_IFREG | 0400;
    /* magic ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check */
    buf_fmt(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0u, mode, 0u, 0u, 1u, 0u, len, 0u, 0u,
            0u, 0u, strlen(name) + 1, 0u);
    buf_add(out, name, strlen(name) + 1);
    pad4(out);
    buf_add(out, data, len);
    pad4(out);
}

void initrd_end(struct buf *out)
{
    initrd_file(out, "TRAILER!!!", NULL, 0);
}

/* Copies all of in, whose place is at its start, to out. */
static int copy(int out, int in)
{
    for (;;) {
        ssize_t n = sendfile(out, in, NULL, 1 << 20);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
    }
}

int initrd_make(const struct initrd_plan *plan, const struct buf *settings, const char *path, uid_t uid,
                struct err *err)
{
    cleanup_buf struct buf segment = {0};
    initrd_file(&segment, "var/settings", settings->data, settings->len);
    initrd_file(&segment, "var/environment", plan->environment->data, plan->environment->len);
    initrd_file(&segment, "var/command", plan->command->data, plan->command->len);
    initrd_end(&segment);
    if (buf_failed(&segment))
        return err_set(err, "out of memory building the initramfs");

    cleanup_close int in = open(plan->image, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return err_sys(err, "cannot open the initramfs %s", plan->image);
    cleanup_close int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    /* The kernel wants every segment to start at a multiple of 4; cpio pads to 512. */
    static const char zeros[4];
    off_t end;
    if (out < 0 || copy(out, in) < 0 || (end = lseek(out, 0, SEEK_CUR)) < 0 ||
        io_write_all(out, zeros, (size_t)(-end & 3)) < 0 || io_write_all(out, segment.data, segment.len) < 0 ||
        fchown(out, uid, (gid_t)-1) < 0)
        return err_sys(err, "cannot write the initramfs to %s", path);
    return 0;
}

int initrd_forget(const char *path, struct err *err)
{
    return truncate(path, 0) < 0 ? err_sys(err, "cannot empty the initramfs %s", path) : 0;
}
