#include "entry/disks/served.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/io.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/process.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Keeps only these of entry's descriptors, and stderr for messages. */
static int keep_own(const struct rootdisk *tree, int fuse_fd, int ready, struct err *err)
{
    static const int silent[] = {STDIN_FILENO, STDOUT_FILENO};
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, rootdisk_folder(tree), fuse_fd, ready};
    if (descriptors_blank(silent, 2) < 0 || descriptors_keep(kept, COUNT(kept)) < 0)
        return err_sys(err, "cannot close the descriptors that the server does not need");
    return 0;
}

/* The child. */
static void serve(struct rootdisk *tree, const char *mountpoint, int fuse_fd, int ready, struct rootdisk_owner owner)
{
    struct err err = {0};
    sigset_t none;
    sigemptyset(&none);
    setsid(); /* a terminal's Ctrl-C is for the command in the guest */
    sigprocmask(SIG_SETMASK, &none, NULL);
    int r = keep_own(tree, fuse_fd, ready, &err);
    /* until the server is ready, the process that waits for it reports its errors; afterwards nobody does */
    int starter = dup(ready);
    r = r < 0 ? r : rootdisk_serve(tree, fuse_fd, ready, owner, true, &err);
    if (r < 0 && (starter < 0 || write(starter, err.text, strlen(err.text)) < 0))
        log_error("the server of %s stops: %s", mountpoint, err.text);
    _exit(r < 0 ? 1 : 0);
}

int served_start(struct served *s, struct rootdisk *tree, const char *mountpoint, int fuse_fd, uid_t uid, gid_t gid,
                 uid_t server, struct err *err)
{
    cleanup_close int fuse = fuse_fd;
    int ready[2];
    snprintf(s->mountpoint, sizeof(s->mountpoint), "%s", mountpoint);
    if (pipe2(ready, O_CLOEXEC) < 0) {
        rootdisk_free(tree);
        return err_sys(err, "cannot serve %s", mountpoint);
    }
    cleanup_close int ready_read = ready[0], ready_write = ready[1];
    pid_t parent = getpid(), pid = process_fork(&s->pid_fd);
    if (pid == 0) {
        close(ready_read);
        /* The server ends with us, however we end, and with it the mount in our namespace. */
        if (privilege_drop(server, privilege_reading()) < 0)
            _exit(1);
        process_end_with(parent);
        serve(tree, mountpoint, fuse, ready_write, (struct rootdisk_owner){uid, gid});
    }
    rootdisk_free(tree);
    close(steal_fd(&ready_write));
    char said[512];
    ssize_t n = pid < 0 ? err_sys(err, "cannot serve %s", mountpoint) : io_read_full(ready_read, said, 1);
    if (n == 1 && said[0] == '\n')
        return 0;
    if (n == 1)
        n += io_read_full(ready_read, said + 1, sizeof(said) - 2);
    said[n > 0 ? n : 0] = '\0';
    return err_set(err, "cannot serve %s: %s", mountpoint, n > 0 ? said : "its server did not start");
}

void served_stop(struct served *s)
{
    if (s->mountpoint[0])
        rootdisk_unmount(s->mountpoint, NULL);
    s->mountpoint[0] = '\0';
    process_end(&s->pid_fd);
}
