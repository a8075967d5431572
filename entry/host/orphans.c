#include "entry/host/orphans.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "entry/host/jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { LOCK_TRIES = 500 };

int orphans_await_lock(int fd)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == LOCK_TRIES)
            return -1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int orphans_lock(int fd, const char *path)
{
    struct stat a, b;
    if (orphans_await_lock(fd) < 0)
        return -1;
    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Also an empty file: its maker was killed before it could change the file's owner. */
static bool is_ours(const struct stat *st, bool folders)
{
    return folders ? S_ISDIR(st->st_mode)
                   : S_ISREG(st->st_mode) && (jail_uid_is_ours(st->st_uid) || (!st->st_uid && !st->st_size));
}

/* The lock is held during the removal: a process that waits for it then finds the name gone and creates it again. */
static void remove_one(int dir, const char *path, const char *name, bool folder)
{
    struct stat st;
    cleanup_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st, folder) || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    if (unlinkat(dir, name, folder ? AT_REMOVEDIR : 0) == 0)
        log_debug("removed %s/%s, left by a dead VM", path, name);
}

static void remove_all(const char *path, const char *prefix, bool folders)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && strcmp(e->d_name, ".") != 0 &&
            strcmp(e->d_name, "..") != 0)
            remove_one(dirfd(dir), path, e->d_name, folders);
    if (dir)
        closedir(dir);
}

void orphans_remove_folders(const char *dir)
{
    remove_all(dir, "", true);
}

void orphans_remove_files(const char *dir, const char *prefix)
{
    remove_all(dir, prefix, false);
}
