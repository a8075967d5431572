#include "guest-init/folders.h"

#include <string.h>
#include <sys/stat.h>

void folders_above(char *path)
{
    for (char *slash = path; *slash && (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = '\0';
        mkdir(path, 0755);
    }
}
