#include "ctl/layout.h"
#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 8 }; /* a layout has blobs/sha256/DIGEST (OCI image-layout.md) */

static int check_folder(int at, const char *name, const char *path, unsigned depth, struct err *err);

static int check_entry(int folder, const char *name, const char *path, unsigned depth, struct err *err)
{
    struct stat st;
    if (fstatat(folder, name, &st, 0) < 0)
        return errno == ENOENT ? 0 : err_sys(err, "%s: cannot read %.255s", path, name); /* a link that leads nowhere */
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? check_folder(folder, name, path, depth + 1, err)
                                 : err_set(err, "%s: is not an image layout: too many directories in each other", path);
    return S_ISREG(st.st_mode) ? 0 : err_set(err, "%s: %.255s is not a regular file", path, name);
}

static int check_folder(int at, const char *name, const char *path, unsigned depth, struct err *err)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder)
        return err_sys(err, "%s: cannot read %.255s", path, name);
    for (struct dirent *e; rc == 0 && (e = readdir(folder));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = check_entry(dirfd(folder), e->d_name, path, depth, err);
    closedir(folder);
    return rc;
}

int layout_check(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_sys(err, "cannot open %s", path);
    if (S_ISDIR(st.st_mode))
        return check_folder(AT_FDCWD, path, path, 0, err);
    return S_ISREG(st.st_mode) ? 0 : err_set(err, "%s: is neither an archive nor a directory", path);
}
