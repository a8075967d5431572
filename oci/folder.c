#include "oci/folder.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32 };

int folder_find(struct folder *f, const char *state, const char *root, const char *id, struct err *err)
{
    char name[PATH_MAX];
    *f = (struct folder){.path = ""};
    snprintf(name, sizeof(name), "%s", root && *root ? root : "default");
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = ':';
    if (name[0] == '.' || strlen(name) > NAME_MAX ||
        snprintf(f->path, sizeof(f->path), "%s/%s/%s", state, name, id) >= (int)sizeof(f->path))
        return err_set(err, "--root %.200s: is too long, or begins with a dot", root);
    return 0;
}

static int make_above(const struct folder *f)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", f->path);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

int folder_make(struct folder *f, struct err *err)
{
    if (make_above(f) < 0)
        return err_sys(err, "cannot create the directory above %s", f->path);
    f->made = mkdir(f->path, 0700) == 0;
    return f->made || errno == EEXIST ? 0 : err_sys(err, "cannot create %s", f->path);
}

bool folder_is_there(const struct folder *f)
{
    struct stat st;
    return lstat(f->path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Follows no link, and goes into no other file system. */
static int remove_entry(int above, const char *name, dev_t device, int depth)
{
    struct stat st;
    if (unlinkat(above, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int failed = !d || fstat(fd, &st) < 0 || (device && st.st_dev != device) || depth > DEPTH_MAX ? -1 : 0;
    for (struct dirent *e; failed == 0 && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            failed = remove_entry(fd, e->d_name, st.st_dev, depth + 1);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    return failed < 0 ? -1 : unlinkat(above, name, AT_REMOVEDIR);
}

int folder_remove(const struct folder *f, struct err *err)
{
    return remove_entry(AT_FDCWD, f->path, 0, 0) < 0 ? err_sys(err, "cannot remove %s", f->path) : 0;
}
