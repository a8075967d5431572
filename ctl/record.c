#include "ctl/record.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "ctl/logfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define NEW ".new"
/* In the order of removal: without the first file, the directory does not count as a record. */
static const char *const files[] = {RECORD_ABOUT, RECORD_PID, RECORD_EXIT, LOGFILE, LOGFILE_BEFORE, NEW};
enum { TRIES = 100 };

bool record_is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len < RECORD_NAME && *text != '-' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* The folder of all of them; it is root's alone, as the store is. */
static int open_all(const char *root, bool make)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof(path), "%s/vms", root) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (make && ((mkdir(root, 0700) < 0 && errno != EEXIST) || (mkdir(path, 0700) < 0 && errno != EEXIST)))
        return -1;
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        errno = EPERM;
        return -1;
    }
    return steal_fd(&fd);
}

static int open_one(struct record *r, const char *name)
{
    snprintf(r->name, sizeof(r->name), "%.*s", RECORD_NAME - 1, name);
    r->folder = openat(r->all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return r->folder < 0 ? -1 : 0;
}

bool record_lives(const struct record *r)
{
    /* a description of its own, whose lock ends with it */
    cleanup_close int fd = openat(r->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void record_wait(const struct record *r)
{
    cleanup_close int fd = openat(r->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_SH) < 0 && errno == EINTR)
        ;
}

static bool is_complete(const struct record *r)
{
    return faccessat(r->folder, RECORD_ABOUT, F_OK, 0) == 0;
}

void record_drop(const struct record *r)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        unlinkat(r->folder, files[i], 0);
    unlinkat(r->all, r->name, AT_REMOVEDIR);
}

void record_close(struct record *r)
{
    cleanup_close_p(&r->folder);
    cleanup_close_p(&r->all);
    *r = (struct record)RECORD_NONE;
}

/* Under the lock of all.  1, 0 for try again, -1 with err. */
static int try_make(struct record *r, const char *name, struct err *err)
{
    bool made = mkdirat(r->all, name, 0700) == 0;
    if (!made && errno != EEXIST)
        return err_sys(err, "cannot create the record of the VM %s", name);
    if (open_one(r, name) < 0)
        return err_sys(err, "cannot open the record of the VM %s", name);
    if (made)
        return flock(r->folder, LOCK_EX) < 0 ? err_sys(err, "cannot lock the record of the VM %s", name) : 1;
    bool lives = record_lives(r), complete = is_complete(r);
    if (!lives && !complete)
        record_drop(r);
    close(steal_fd(&r->folder));
    if (lives)
        return err_set(err, "run: --name %s: a VM with that name runs", name);
    if (complete)
        return err_set(err, "run: --name %s: a VM with that name has ended: ctr-jailer rm %s", name, name);
    return 0;
}

int record_make(struct record *r, const char *root, const char *name, struct err *err)
{
    *r = (struct record)RECORD_NONE;
    r->all = open_all(root, true);
    cleanup_close int held = r->all < 0 ? -1 : openat(r->all, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held < 0 || flock(held, LOCK_EX) < 0) {
        record_close(r);
        return err_sys(err, "cannot lock %s/vms", root);
    }
    int made = 0;
    for (int i = 0; i < TRIES && made == 0; i++)
        made = try_make(r, name, err);
    if (made <= 0)
        record_close(r);
    return made > 0 ? 0 : made < 0 ? -1 : err_set(err, "cannot create the record of the VM %s", name);
}

int record_open(struct record *r, const char *root, const char *name)
{
    *r = (struct record)RECORD_NONE;
    errno = ENOENT;
    if (record_is_name(name) && (r->all = open_all(root, false)) >= 0 && open_one(r, name) == 0) {
        if (is_complete(r))
            return 0;
        errno = ENOENT;
    }
    int saved = errno;
    record_close(r);
    errno = saved;
    return -1;
}

int record_write(const struct record *r, const char *file, const char *text, size_t len)
{
    cleanup_close int fd = openat(r->folder, NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 || io_write_all(fd, text, len) < 0 ? -1 : renameat(r->folder, NEW, r->folder, file);
}

long record_number(const struct record *r, const char *file)
{
    uint64_t number;
    cleanup_free char *text = io_read_file(r->folder, file, 32, NULL);
    if (text)
        text[strcspn(text, "\n")] = '\0';
    return text && num_parse(text, 0, INT32_MAX, &number) == 0 ? (long)number : -1;
}

int record_remove(const char *root, const char *name)
{
    struct record r = RECORD_NONE;
    int rc = -1;
    errno = ENOENT;
    if (record_is_name(name) && (r.all = open_all(root, false)) >= 0 && flock(r.all, LOCK_EX) == 0 &&
        open_one(&r, name) == 0) {
        rc = !record_lives(&r);
        if (rc > 0)
            record_drop(&r);
    }
    int saved = errno;
    record_close(&r);
    errno = saved;
    return rc;
}

static int is_shown(const struct dirent *e)
{
    return record_is_name(e->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int record_list(const char *root, bool left, void (*found)(void *arg, const char *name), void *arg)
{
    struct dirent **entries;
    struct record r = RECORD_NONE;
    r.all = open_all(root, false);
    if (r.all < 0)
        return errno == ENOENT ? 0 : -1;
    int count = scandirat(r.all, ".", &entries, is_shown, by_bytes);
    for (int i = 0; i < count; i++) {
        if (open_one(&r, entries[i]->d_name) == 0 && is_complete(&r) != left && !(left && record_lives(&r)))
            found(arg, entries[i]->d_name);
        cleanup_close_p(&r.folder);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    record_close(&r);
    return count < 0 ? -1 : 0;
}
