#include "guest-init/lists.h"

#include <stddef.h>
#include <string.h>

char *lists_value_of(char *string, const char *name)
{
    size_t len = strlen(name);
    return strncmp(string, name, len) == 0 && string[len] == '=' ? string + len + 1 : NULL;
}

const char *lists_value(char *const *list, const char *name)
{
    const char *value = NULL;
    for (; *list && !value; list++)
        value = lists_value_of(*list, name);
    return value;
}
