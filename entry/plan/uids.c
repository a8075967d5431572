#include "entry/plan/uids.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

enum { FILE_MAX = 4 << 20 };

/* Fields are separated by colons and counted from 0. */
static const struct {
    const char *path;
    int first;   /* the id, or the range's first */
    bool ranges; /* their length follows */
} files[] = {{"/etc/passwd", 2, false}, {"/etc/group", 2, false}, {"/etc/subuid", 1, true}, {"/etc/subgid", 1, true}};

static bool line_has(char *line, int first, bool ranges, uid_t uid)
{
    uint64_t start, count = 1;
    char *field = NULL;
    for (int i = 0; i <= first; i++)
        field = strsep(&line, ":");
    if (!field || num_parse(field, 0, UINT32_MAX, &start) < 0)
        return false;
    if (ranges && (!(field = strsep(&line, ":")) || num_parse(field, 1, UINT32_MAX, &count) < 0))
        return false;
    return uid >= start && uid - start < count;
}

/* getpriority examines all processes of the PID namespace, but only if the kernel knows the user. */
bool uids_taken(uid_t uid)
{
    errno = 0;
    if (getpriority(PRIO_USER, uid) != -1 || errno == 0)
        return true;
    for (size_t i = 0; i < COUNT(files); i++) {
        cleanup_free char *text = io_read_file(AT_FDCWD, files[i].path, FILE_MAX, NULL);
        char *rest = text;
        for (char *line; rest && (line = strsep(&rest, "\n"));)
            if (line_has(line, files[i].first, files[i].ranges, uid))
                return true;
    }
    return false;
}
