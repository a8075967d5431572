#include "common/descriptors.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/syscall.h>

static int by_number(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_kept(const int *kept, size_t count, int fd)
{
    while (count > 0)
        if (kept[--count] == fd)
            return true;
    return false;
}

/* Where close_range(2) is refused: a container's seccomp profile may be older than Linux 5.9. */
static int close_one_by_one(const int *kept, size_t count)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -1;
    for (struct dirent *e; (e = readdir(dir));) {
        int fd = atoi(e->d_name);
        if (e->d_name[0] != '.' && fd != dirfd(dir) && !is_kept(kept, count, fd))
            close(fd);
    }
    return closedir(dir);
}

int descriptors_keep(int *kept, size_t count)
{
    unsigned first = 0; /* of the gap */
    qsort(kept, count, sizeof(*kept), by_number);
    for (size_t i = 0; i <= count; i++) {
        unsigned next = i < count ? (unsigned)kept[i] : UINT_MAX;
        if (i < count && kept[i] < 0)
            continue;
        if (next > first && syscall(SYS_close_range, first, i < count ? next - 1 : UINT_MAX, 0) < 0)
            return close_one_by_one(kept, count);
        first = next + 1;
    }
    return 0;
}

int descriptors_blank(const int *which, size_t count)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), failed = null < 0;
    for (size_t i = 0; i < count && !failed; i++)
        if (which[i] >= 0 && which[i] != null)
            failed = dup3(null, which[i], which[i] > STDERR_FILENO ? O_CLOEXEC : 0) < 0;
    cleanup_close_p(&null);
    return failed ? -1 : 0;
}

void descriptors_standard(void)
{
    for (int fd; (fd = open("/dev/null", O_RDWR)) >= 0;)
        if (fd > STDERR_FILENO) {
            close(fd);
            return;
        }
}
