#include "entry/disks/served.h"

#include "common/array.h"
#include "common/cancel.h"
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
#include <sys/stat.h>

/* What the process says first: that it serves, or that it cannot, which is followed by the reason. */
enum { READY = '\n', NO_FUSE = 'F', FAILED = 'E' };

/* Keeps only this one of entry's descriptors, and stderr for messages. */
static int keep_own(int ready, struct err *err)
{
    static const int silent[] = {STDIN_FILENO, STDOUT_FILENO};
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, ready};
    if (descriptors_blank(silent, 2) < 0 || descriptors_keep(kept, COUNT(kept)) < 0)
        return err_sys(err, "cannot close the descriptors that the server does not need");
    return 0;
}

/* The mountpoint comes after the scan: it may lie in the tree. */
static int mount_tree(const char *mountpoint, struct err *err)
{
    return mkdir(mountpoint, 0700) < 0 ? err_sys(err, "cannot create %s", mountpoint) : rootdisk_mount(mountpoint, err);
}

/* Until the disk is no longer needed; *said is true once the starter has been told that it is ready. */
static int serve(struct rootdisk *tree, const struct served_plan *plan, const char *mountpoint, int fuse, int ready,
                 pid_t parent, struct err *err)
{
    struct err why = {0};
    int r = -1;
    if (privilege_drop(plan->server, privilege_reading()) < 0)
        err_sys(&why, "cannot drop root's privileges");
    else {
        process_end_with(parent); /* which the change of user undid */
        r = rootdisk_serve(tree, fuse, ready, (struct rootdisk_owner){plan->uid, plan->gid}, true, &why);
    }
    return r < 0 ? err_set(err, "cannot serve %s: %s", mountpoint, why.text) : 0;
}

/* The child, as root until it serves.  It ends with entry, however entry ends; then its mount, in our namespace, ends
 * too. */
static void run_server(const struct served_plan *plan, const char *mountpoint, int ready, pid_t parent)
{
    struct err err = {0};
    struct rootdisk *tree;
    sigset_t none;
    sigemptyset(&none);
    setsid(); /* a terminal's Ctrl-C is for the command in the guest */
    cancel_by(-1);
    sigprocmask(SIG_SETMASK, &none, NULL);
    process_end_with(parent);
    int starter = -1, fuse = -1, r = keep_own(ready, &err);
    r = r < 0 ? r : rootdisk_scan(&tree, AT_FDCWD, plan->tree, plan->cross_mounts, &err);
    r = r < 0 ? r : (fuse = mount_tree(mountpoint, &err));
    char kind = r == ROOTDISK_NO_FUSE ? NO_FUSE : FAILED;
    /* until the server is ready, the process that waits for it reports its errors; afterwards nobody does */
    starter = dup(ready);
    r = r < 0 ? r : serve(tree, plan, mountpoint, fuse, ready, parent, &err);
    if (r < 0 && (write(starter, &kind, 1) < 0 || write(starter, err.text, strlen(err.text)) < 0))
        log_error("the server of %s stops: %s", mountpoint, err.text);
    _exit(r < 0 ? 1 : 0);
}

int served_start(struct served *s, const struct served_plan *plan, const char *mountpoint, struct err *err)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return err_sys(err, "cannot serve %s", plan->tree);
    cleanup_close int child_end = ready[1];
    s->ready = ready[0];
    snprintf(s->mountpoint, sizeof(s->mountpoint), "%s", mountpoint);
    pid_t parent = getpid(), pid = process_fork(&s->pid_fd);
    if (pid == 0)
        run_server(plan, mountpoint, child_end, parent);
    return pid < 0 ? err_sys(err, "cannot serve %s", plan->tree) : 0;
}

int served_await(struct served *s, struct err *err)
{
    char said[sizeof(err->text)];
    if (!cancel_wait(s->ready, -1))
        return err_set(err, "the scan was cancelled");
    ssize_t n = io_read_full(s->ready, said, 1);
    if (n == 1 && said[0] != READY)
        n += io_read_full(s->ready, said + 1, sizeof(said) - 2);
    said[n > 0 ? n : 0] = '\0';
    close(steal_fd(&s->ready));
    if (n == 1 && said[0] == READY)
        return 0;
    err_set(err, "%s", n > 1 ? said + 1 : "the server of a disk did not start");
    if (n < 1 || said[0] != NO_FUSE)
        return -1;
    served_stop(s);
    return SERVED_NO_FUSE;
}

/* The mount goes first: then a process that we may not kill ends.  One that had not mounted yet may have done so until
 * it was killed. */
void served_stop(struct served *s)
{
    if (s->mountpoint[0])
        rootdisk_unmount(s->mountpoint, NULL);
    process_end(&s->pid_fd);
    if (s->mountpoint[0] && s->ready >= 0)
        rootdisk_unmount(s->mountpoint, NULL);
    s->mountpoint[0] = '\0';
    if (s->ready >= 0)
        close(steal_fd(&s->ready));
}
