#include "entry/host/rundir.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "entry/host/orphans.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { TRIES = 100, STATE = 1, STATE_NEW = 2 }; /* the latter: of names */

static const char *const names[] = {"control", "state.json", "state.json.new"};

/* Opens a directory of ours, and creates it if it is missing. -1 with errno; EEXIST: it belongs to somebody else;
 * ESTALE: it was removed immediately. */
static int open_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -1;
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        errno = errno == ENOENT ? ESTALE : errno;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (st.st_uid != geteuid() || (st.st_mode & 022)) {
        errno = EEXIST;
        return -1;
    }
    return steal_fd(&fd);
}

/* As orphans_lock: 1, 0 for try again, or -1; wait: for a keeper, a moment. */
static int take_lock(struct rundir *r, bool wait)
{
    char path[LOCAL_PATH + 8];
    snprintf(path, sizeof(path), "%s/lock", r->path);
    cleanup_close int fd = openat(r->dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool made = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = openat(r->dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (!wait && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -1;
    int ours = orphans_lock(fd, path);
    if (ours > 0)
        r->lock = steal_fd(&fd);
    if (ours < 0 && made && errno != EWOULDBLOCK) { /* no memory for locks (ENOLCK) */
        int saved = errno;
        unlinkat(r->dir, "lock", 0);
        errno = saved;
    }
    return ours;
}

/* The directory itself is locked meanwhile, so that a process that fails does not remove a lock that another one holds.
 */
static int lock_folder(struct rundir *r, bool wait)
{
    if (flock(r->dir, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
        return -1;
    int ours = take_lock(r, wait), saved = errno;
    flock(r->dir, LOCK_UN);
    errno = saved;
    return ours;
}

static void empty(int dir)
{
    for (size_t i = 0; i < COUNT(names); i++)
        unlinkat(dir, names[i], 0);
}

void rundir_remove(void *handle)
{
    struct rundir *r = handle;
    empty(r->dir);
    unlinkat(r->dir, "lock", 0);
    rmdir(r->path); /* a process that has put another lock there meanwhile keeps it */
    rmdir(r->base);
    close(steal_fd(&r->dir));
    close(steal_fd(&r->lock));
}

static int set_paths(struct rundir *r, const char *base, const char *id)
{
    return snprintf(r->base, sizeof(r->base), "%s", base) >= LOCAL_PATH ||
                   snprintf(r->path, sizeof(r->path), "%s/%s", base, id) >= LOCAL_PATH
               ? -1
               : 0;
}

/* The base directory must be ours, or its entries could be anybody's. */
static void remove_dead(int ours, const char *base)
{
    int copy = fcntl(ours, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir && copy >= 0)
        close(copy);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct rundir r = RUNDIR_NONE;
        if (e->d_name[0] == '.' || set_paths(&r, base, e->d_name) < 0)
            continue;
        r.dir = open(r.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (r.dir >= 0 && lock_folder(&r, false) > 0) {
            log_debug("removing %s, left by a dead VM", r.path);
            rundir_remove(&r);
        } else if (r.dir >= 0) {
            close(r.dir);
        }
    }
    if (dir)
        closedir(dir);
}

int rundir_clear(const char *base)
{
    if (access(base, F_OK) < 0)
        return errno == ENOENT ? 0 : -1;
    cleanup_close int fd = open_folder(base);
    if (fd < 0)
        return -1;
    remove_dead(fd, base);
    rmdir(base);
    return 0;
}

static int refuse_folder(const char *path, struct err *err)
{
    if (errno == EEXIST || errno == ENOTDIR || errno == ELOOP)
        return err_set(err, "%s is not a directory that only root can write to: remove it", path);
    err_sys(err, "cannot create %s", path);
    if (errno == EROFS || errno == ENOENT || errno == EACCES)
        err_hint(err, "/run must be writable: docker run --tmpfs /run");
    return -1;
}

/* 1, 0 for try again, or -1 with err. */
static int try_make(struct rundir *r, const char *id, struct err *err)
{
    cleanup_close int base = open_folder(r->base);
    if (base < 0)
        return errno == ESTALE ? 0 : refuse_folder(r->base, err);
    remove_dead(base, r->base);
    r->dir = open_folder(r->path);
    if (r->dir < 0)
        return errno == ENOENT || errno == ESTALE ? 0 : refuse_folder(r->path, err);
    /* A VM that answers is alive: no need to wait for its lock. */
    cleanup_close int alive = faccessat(r->dir, names[0], F_OK, 0) < 0 ? -1 : local_connect(r->path, NULL);
    int ours = 0;
    if (alive < 0 && (ours = lock_folder(r, true)) > 0)
        return 1;
    int saved = errno;
    close(steal_fd(&r->dir));
    if (alive >= 0 || (ours < 0 && saved == EWOULDBLOCK))
        return err_set(err, "VM_ID=%s: a VM with that id is running", id);
    errno = saved;
    return ours < 0 ? err_sys(err, "cannot lock %s", r->path) : 0;
}

int rundir_make(struct rundir *r, const char *base, const char *id, struct err *err)
{
    if (set_paths(r, base, id) < 0)
        return err_set(err, "%s/%s: the path is too long", base, id);
    for (int i = 0; i < TRIES; i++) {
        int made = try_make(r, id, err);
        if (made > 0)
            empty(r->dir); /* a dead VM's: its folder was locked by us before anybody removed it */
        if (made < 0) {    /* when they are empty */
            rmdir(r->path);
            rmdir(base);
        }
        if (made != 0)
            return made > 0 ? 0 : -1;
    }
    return err_set(err, "cannot create %s: another process keeps removing it", r->path);
}

int rundir_write(const struct rundir *r, const void *text, size_t len, struct err *err)
{
    cleanup_close int fd =
        openat(r->dir, names[STATE_NEW], O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || io_write_all(fd, text, len) < 0 || renameat(r->dir, names[STATE_NEW], r->dir, names[STATE]) < 0)
        return err_sys(err, "cannot write %s/%s", r->path, names[STATE]);
    return 0;
}
