/* rootdisk, the library as a program, for debugging, tests, and sealing an image at build time:
 *
 *   rootdisk write DIR FILE          the tree DIR as an EROFS image in FILE
 *   rootdisk serve DIR MOUNTPOINT    the same as MOUNTPOINT/image, without copying; an empty line on
 *                                    stdout when ready; stays until SIGTERM or unmounting
 *
 * Exit: 0, or 125 with one line on stderr. */
#include "common/array.h"
#include "common/begin.h"
#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/signals.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Writes to another name first, so that FILE is never half an image. */
static int write_image(struct rootdisk *rd, const char *path, struct err *err)
{
    cleanup_free char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return err_sys(err, "cannot write %s", path);
    cleanup_close int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot create %s", temporary);
    if (rootdisk_write(rd, fd, err) == 0 && (fchmod(fd, 0644) < 0 || renameat(AT_FDCWD, temporary, AT_FDCWD, path) < 0))
        err_sys(err, "cannot create %s", path);
    if (!err->text[0])
        return 0;
    unlinkat(AT_FDCWD, temporary, 0);
    return -1;
}

/* The child.  A guest may read the image, so the process that serves it can only read files.
 */
static int serve(struct rootdisk *rd, int fuse_fd, struct err *err)
{
    const struct rootdisk_owner owner = {geteuid(), getegid()};
    int ready = dup(STDOUT_FILENO);
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, rootdisk_folder(rd), fuse_fd, ready};
    const int silent[] = {STDIN_FILENO, STDOUT_FILENO};
    if (descriptors_blank(silent, 2) < 0 || descriptors_keep(kept, COUNT(kept)) < 0 ||
        privilege_keep(privilege_reading()) < 0)
        return err_sys(err, "cannot serve the root disk");
    cancel_by(-1);
    return rootdisk_serve(rd, fuse_fd, ready, owner, true, err);
}

static int serve_image(struct rootdisk *rd, const char *mountpoint, struct err *err)
{
    cleanup_close int fd = rootdisk_mount(mountpoint, err);
    if (fd < 0)
        return -1;
    int end = -1, status = 0;
    pid_t self = getpid(), pid = process_fork(&end);
    if (pid == 0) {
        process_end_with(self);
        int r = serve(rd, steal_fd(&fd), err);
        if (r < 0)
            log_error("%s", err->text);
        _exit(r < 0 ? EXIT_OURS : 0);
    }
    close(steal_fd(&fd)); /* otherwise reads would wait for us if the server dies */
    while (pid > 0 && !cancel_wait(end, -1))
        if (cancel_wanted()) {
            kill(pid, SIGTERM);
            cancel_by(-1);
        }
    if (pid < 0)
        err_sys(err, "cannot serve the root disk");
    else if (waitpid(pid, &status, 0) < 0 || WIFSIGNALED(status))
        err_set(err, "the server of %s was killed", mountpoint);
    rootdisk_unmount(mountpoint, NULL);
    return status == 0 ? 0 : EXIT_OURS;
}

int main(int argc, char **argv)
{
    log_init("rootdisk");
    cancel_by(signals_fd()); /* so that nothing is left behind */
    if (argc != 4 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "serve") != 0)) {
        log_error("usage: rootdisk write DIR FILE | rootdisk serve DIR MOUNTPOINT");
        return EXIT_OURS;
    }
    struct err err = {0};
    struct rootdisk *rd;
    int r = begin(&err) < 0 ? -1 : rootdisk_scan(&rd, AT_FDCWD, argv[2], false, &err);
    if (r == 0) {
        r = argv[1][0] == 'w' ? write_image(rd, argv[3], &err) : serve_image(rd, argv[3], &err);
        rootdisk_free(rd);
    }
    if (err.text[0])
        log_error("%s", err.text);
    return r == 0 ? 0 : EXIT_OURS;
}
