/* Included before a source file whose calls that change a filesystem are to go to the fuzz target instead. */
#ifndef CTR_FUZZ_NOFS_H
#define CTR_FUZZ_NOFS_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* entry: one of its folder. */
int nofs_make(const char *entry);
int nofs_open(const char *entry);
int nofs_remove(const char *entry);
int nofs_fstat(struct stat *st);
/* path: the object that a descriptor is of */
int nofs_set(const char *path, const void *value, size_t len);
int nofs_times(const char *path, const struct timespec *times);

#ifdef NOFS
#define openat(dir, entry, ...) nofs_open(entry)
#define mkdirat(dir, entry, mode) nofs_make(entry)
#define mknodat(dir, entry, mode, device) nofs_make(entry)
#define linkat(from, to, dir, entry, flags) (nofs_make(to), nofs_make(entry))
#define symlinkat(to, dir, entry) nofs_make(entry)
#define unlinkat(dir, entry, flags) nofs_remove(entry)
#define fstat(fd, st) nofs_fstat(st)
#define chown(path, uid, gid) nofs_set(path, NULL, 0)
#define chmod(path, mode) nofs_set(path, NULL, 0)
#define setxattr(path, name, value, len, flags) nofs_set(path, value, len)
#define utimensat(dir, path, times, flags) nofs_times(path, times)
#endif

#endif
