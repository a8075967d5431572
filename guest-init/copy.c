#include "guest-init/copy.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/pack.h"
#include "common/proto.h"
#include "common/unpack.h"

#include <fcntl.h>
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

/* This is the guest's own tree: its links lead where they do for all of its programs. */
static int unpack(const char *path, struct err *err)
{
    static const struct unpack_plan plan = {.member = ".", .name = "", .exact = true};
    cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? err_sys(err, "cannot change to the directory %s", path)
                   : tar_unpack(STDIN_FILENO, dir, &plan, err);
}

int copy_main(char *const *argv)
{
    struct err err = {0};
    bool incomplete = false;
    int argc = 0, r = -1;
    log_init("copy");
    while (argv[argc])
        argc++;
    if (argc == 2 && strcmp(argv[0], "kind") == 0)
        return kind(argv[1], stat);
    if (argc == 2 && strcmp(argv[0], "link-kind") == 0)
        return kind(argv[1], lstat);
    if (argc == 3 && strcmp(argv[0], "pack") == 0)
        r = tar_pack(STDOUT_FILENO, argv[1], argv[2], "", &incomplete, &err);
    else if (argc == 2 && strcmp(argv[0], "unpack") == 0)
        r = unpack(argv[1], &err);
    else
        err_set(&err, "copy: unknown request");
    if (r < 0)
        log_error("%s", err.text);
    return r < 0 || incomplete;
}
