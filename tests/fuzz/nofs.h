/* Included before a source file whose calls that change a filesystem are to go to the fuzz target instead. */
#ifndef CTR_FUZZ_NOFS_H
#define CTR_FUZZ_NOFS_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int nofs_make(const char *path);
int nofs_open(const char *path);
int nofs_lstat(const char *path, struct stat *st);
int nofs_set(const char *path, const void *value, size_t len);
int nofs_times(const char *path, const struct timespec *times);

#ifdef NOFS
#define open(path, ...) nofs_open(path)
#define chdir(path) nofs_set(path, NULL, 0)
#define mkdir(path, mode) nofs_make(path)
#define mknod(path, mode, device) nofs_make(path)
#define link(to, path) (nofs_make(to), nofs_make(path))
#define symlink(to, path) nofs_make(path)
#define unlink(path) nofs_set(path, NULL, 0)
#define lstat(path, st) nofs_lstat(path, st)
#define lchown(path, uid, gid) nofs_set(path, NULL, 0)
#define chmod(path, mode) nofs_set(path, NULL, 0)
#define lsetxattr(path, name, value, len, flags) nofs_set(path, value, len)
#define utimensat(dir, path, times, flags) nofs_times(path, times)
#endif

#endif
