#include "guest-init/lists.h"

#include <stddef.h>
#include <string.h>

const char *lists_value(char *const *list, const char *name)
{
    size_t len = strlen(name);
    for (; *list; list++)
        if (strncmp(*list, name, len) == 0 && (*list)[len] == '=')
            return *list + len + 1;
    return NULL;
}
