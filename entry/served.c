#include "entry/served.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "rootdisk/rootdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The child.  It ends with us, however we end: then its mount, in our namespace, ends too. */
static void serve(struct rootdisk *tree, const char *mountpoint, int fuse_fd, int ready, struct rootdisk_owner owner)
{
    struct err err = {0};
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid(); /* a terminal's Ctrl-C is for the command in the guest */
    sigprocmask(SIG_SETMASK, &none, NULL);
    int r = rootdisk_serve(tree, fuse_fd, ready, owner, &err);
    if (r < 0)
        log_error("the server of %s ends: %s", mountpoint, err.text);
    _exit(r < 0 ? 1 : 0);
}

int served_start(struct served *s, struct rootdisk *tree, const char *mountpoint, int fuse_fd, uid_t uid, gid_t gid,
                 struct err *err)
{
    cleanup_close int fuse = fuse_fd;
    int ready[2];
    snprintf(s->mountpoint, sizeof(s->mountpoint), "%s", mountpoint);
    if (pipe2(ready, O_CLOEXEC) < 0) {
        rootdisk_free(tree);
        return err_sys(err, "cannot serve %s", mountpoint);
    }
    cleanup_close int ready_read = ready[0], ready_write = ready[1];
    s->pid = fork();
    if (s->pid == 0) {
        close(ready_read);
        serve(tree, mountpoint, fuse, ready_write, (struct rootdisk_owner){uid, gid});
    }
    rootdisk_free(tree);
    close(steal_fd(&ready_write));
    char c;
    if (s->pid < 0 || io_read_full(ready_read, &c, 1) != 1)
        return err_set(err, "cannot serve %s: its server did not start", mountpoint);
    s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    return s->pid_fd < 0 ? err_sys(err, "cannot watch the server of %s", mountpoint) : 0;
}

void served_stop(struct served *s)
{
    if (s->mountpoint[0])
        rootdisk_unmount(s->mountpoint, NULL);
    s->mountpoint[0] = '\0';
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    s->pid = -1;
    if (s->pid_fd >= 0)
        close(steal_fd(&s->pid_fd));
}
