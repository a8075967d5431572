#include "guest-init/lists.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <fcntl.h>
#include <string.h>

char **lists_take(const char *path, struct err *err)
{
    size_t len, count = 0;
    cleanup_free char *text = io_read_file(AT_FDCWD, path, (size_t)256 << 20, &len);
    if (!text) {
        err_sys(err, "cannot read %s of the initramfs", path);
        return NULL;
    }
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\0';
    char **list = calloc(count + 1, sizeof(*list));
    if (!list) {
        err_set(err, "out of memory reading %s", path);
        return NULL;
    }
    char *next = steal_ptr(&text);
    for (size_t i = 0; i < count; i++, next += strlen(next) + 1)
        list[i] = next;
    unlink(path);
    return list;
}

const char *lists_value(char *const *list, const char *name)
{
    size_t len = strlen(name);
    for (; *list; list++)
        if (strncmp(*list, name, len) == 0 && (*list)[len] == '=')
            return *list + len + 1;
    return NULL;
}
