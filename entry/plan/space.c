#include "entry/plan/space.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "entry/host/jail.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define GIB (UINT64_C(1) << 30)

/* The smallest size of a disk, with a warning if less is free.  The largest: the limit of ext4 with 4 KiB blocks, in
 * the guest and below it on the host. */
#define LEAST (64 * MIB)
#define MOST ((UINT64_C(16) << 40) - MIB)

struct tally {
    dev_t device;
    struct buf seen; /* inode numbers: a disk is open in more than one process */
    uint64_t bytes;
};

static void count_file(struct tally *t, const struct stat *st)
{
    uint64_t has = (uint64_t)st->st_blocks * 512, ino = st->st_ino;
    if (!S_ISREG(st->st_mode) || st->st_dev != t->device || !jail_uid_is_ours(st->st_uid) ||
        (uint64_t)st->st_size <= has)
        return;
    for (size_t at = 0; at < t->seen.len; at += sizeof(ino))
        if (memcmp(t->seen.data + at, &ino, sizeof(ino)) == 0)
            return;
    buf_add(&t->seen, &ino, sizeof(ino));
    t->bytes += (uint64_t)st->st_size - has;
}

/* Firecracker or an entry.  An entry runs as root while it starts a VM; its /proc files keep belonging to root after it
 * has changed its user (proc(5)). */
static bool may_have_disks(int proc, const char *pid)
{
    struct stat st;
    if (fstatat(proc, pid, &st, 0) < 0)
        return false;
    if (st.st_uid)
        return jail_uid_is_ours(st.st_uid);
    char path[300], name[16] = "";
    snprintf(path, sizeof(path), "%s/comm", pid);
    cleanup_close int comm = openat(proc, path, O_RDONLY | O_CLOEXEC);
    return comm >= 0 && read(comm, name, sizeof(name)) > 0 && strncmp(name, "entry\n", 6) == 0;
}

static void count_process(struct tally *t, int proc, const char *pid)
{
    char path[300];
    struct stat st;
    if (!may_have_disks(proc, pid))
        return;
    snprintf(path, sizeof(path), "%s/fd", pid);
    int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.' && fstatat(fd, e->d_name, &st, 0) == 0)
            count_file(t, &st);
    if (dir)
        closedir(dir);
}

/* How much the VMs' disks in this filesystem may still grow. */
static uint64_t promised(dev_t device)
{
    struct tally t = {.device = device};
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && (e = readdir(proc));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
            count_process(&t, dirfd(proc), e->d_name);
    if (proc)
        closedir(proc);
    buf_free(&t.seen);
    return t.bytes;
}

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

/* How much can still be promised to disks in dir, minus a 64th for the host filesystem's metadata. */
static uint64_t unpromised(const char *dir, dev_t device)
{
    struct statvfs v;
    if (statvfs(dir, &v) < 0)
        return 0;
    uint64_t total = (uint64_t)v.f_blocks * v.f_frsize, reserve = total / 20 < GIB ? total / 20 : GIB;
    uint64_t left = less(less((uint64_t)v.f_bavail * v.f_frsize, reserve), promised(device));
    return left - left / 64;
}

static void warn(const struct space_disk *d, bool given, uint64_t room)
{
    log_warn(
        "%s%s%llu MiB is more than %s has room for beside the disks of other VMs (%llu MiB): the guest may get I/O "
        "errors before its disk is full",
        d->option, given ? "=" : " is not set, and ", (unsigned long long)(*d->size / MIB), d->dir,
        (unsigned long long)(room / MIB));
}

/* The disks of one filesystem: first those with a given size. */
static void share(const struct space_disk *disks, unsigned count, const dev_t *devices, dev_t device, uint64_t left)
{
    for (unsigned i = 0; i < count; i++) {
        const struct space_disk *d = &disks[i];
        uint64_t growth = less(*d->size, d->allocated);
        if (devices[i] != device || *d->size == 0)
            continue;
        if (growth > left)
            warn(d, true, left + d->allocated);
        left = less(left, growth);
    }
    uint64_t part = left / 4 / MIB * MIB;
    for (unsigned i = 0; i < count; i++) {
        if (devices[i] != device || *disks[i].size > 0)
            continue;
        *disks[i].size = part < LEAST ? LEAST : part > MOST ? MOST : part;
        if (part < LEAST && left < LEAST)
            warn(&disks[i], false, left);
        left = less(left, *disks[i].size);
    }
}

void space_share(const struct space_disk *disks, unsigned count)
{
    dev_t devices[SPACE_DISKS_MAX];
    struct stat st;
    for (unsigned i = 0; i < count; i++)
        devices[i] = stat(disks[i].dir, &st) == 0 ? st.st_dev : 0;
    for (unsigned i = 0; i < count; i++) {
        bool done = false;
        for (unsigned before = 0; before < i; before++)
            done |= devices[before] == devices[i];
        if (!done)
            share(disks, count, devices, devices[i], unpromised(disks[i].dir, devices[i]));
    }
}
