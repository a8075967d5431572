/* rootdisk, the library as a program, for debugging, tests, and sealing an image at build time:
 *
 *   rootdisk write DIR FILE          the tree DIR as an EROFS image in FILE
 *   rootdisk serve DIR MOUNTPOINT    the same as MOUNTPOINT/image, without copying; an empty line on
 *                                    stdout when ready; stays until SIGTERM or unmounting
 *
 * Exit: 0, or 125 with one line on stderr. */
#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum { EXIT_FAILED = 125 };

/* Signals that end other programs cancel the work, so that nothing of it is left. */
static void catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    cancel_by(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* Under another name first, so that FILE is never half an image. */
static int write_image(struct rootdisk *rd, const char *path, struct err *err)
{
    cleanup_free char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return err_sys(err, "cannot write %s", path);
    cleanup_close int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot create %s", temporary);
    if (rootdisk_write(rd, fd, err) == 0 && (fchmod(fd, 0644) < 0 || rename(temporary, path) < 0))
        err_sys(err, "cannot create %s", path);
    if (!err->text[0])
        return 0;
    unlink(temporary);
    return -1;
}

static int serve_image(struct rootdisk *rd, const char *mountpoint, struct err *err)
{
    int fd = rootdisk_mount(mountpoint, err);
    if (fd < 0)
        return -1;
    struct rootdisk_owner owner = {geteuid(), getegid()};
    int rc = rootdisk_serve(rd, fd, dup(STDOUT_FILENO), owner, false, err);
    rootdisk_unmount(mountpoint, NULL);
    return rc;
}

int main(int argc, char **argv)
{
    log_init("rootdisk");
    catch_signals();
    if (argc != 4 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "serve") != 0)) {
        log_error("usage: rootdisk write DIR FILE | rootdisk serve DIR MOUNTPOINT");
        return EXIT_FAILED;
    }
    struct err err = {0};
    struct rootdisk *rd;
    if (rootdisk_scan(&rd, AT_FDCWD, argv[2], false, &err) == 0) {
        if (argv[1][0] == 'w')
            write_image(rd, argv[3], &err);
        else
            serve_image(rd, argv[3], &err);
        rootdisk_free(rd);
    }
    if (!err.text[0])
        return 0;
    log_error("%s", err.text);
    return EXIT_FAILED;
}
