#include "guest-init/copy.h"

#include "common/proto.h"
#include "guest-init/tar.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int kind(const char *path, int (*look)(const char *, struct stat *))
{
    struct stat st;
    if (look(path, &st) < 0)
        return PROTO_COPY_NOTHING;
    return S_ISDIR(st.st_mode) ? PROTO_COPY_FOLDER : PROTO_COPY_FILE;
}

int copy_main(char *const *argv)
{
    struct err err = {0};
    bool incomplete = false;
    int argc = 0, r = -1;
    while (argv[argc])
        argc++;
    if (argc == 2 && strcmp(argv[0], "kind") == 0)
        return kind(argv[1], stat);
    if (argc == 2 && strcmp(argv[0], "link-kind") == 0)
        return kind(argv[1], lstat);
    if (argc == 3 && strcmp(argv[0], "pack") == 0)
        r = tar_pack(STDOUT_FILENO, argv[1], argv[2], &incomplete, &err);
    else if (argc == 2 && strcmp(argv[0], "unpack") == 0)
        r = tar_unpack(STDIN_FILENO, argv[1], &err);
    else
        err_set(&err, "copy: unknown request");
    if (r < 0)
        dprintf(STDERR_FILENO, "in the guest: %s\n", err.text);
    return r < 0 || incomplete;
}
