#include "entry/plan/intree.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/settings.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int open_path(const char *tree, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    cleanup_close int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int intree_open(const char *tree, const char *path)
{
    return open_path(tree, path, 0);
}

int intree_open_itself(const char *tree, const char *path)
{
    return open_path(tree, path, O_NOFOLLOW);
}

/* The file is opened for reading once it is known not to be a pipe or a device. */
char *intree_read(const char *tree, const char *path, unsigned long max)
{
    char link[64];
    struct stat st;
    cleanup_close int fd = intree_open(tree, path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return NULL;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return io_read_file(AT_FDCWD, link, max, NULL);
}

const char *intree_search_path(const struct buf *environment)
{
    for (size_t at = 0; at < environment->len; at += strlen(environment->data + at) + 1)
        if (strncmp(environment->data + at, "PATH=", 5) == 0)
            return environment->data + at + 5;
    return COMMAND_PATH;
}
