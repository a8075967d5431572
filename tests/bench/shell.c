#include "tests/bench/shell.h"
#include "common/log.h"
#include "netsetup/tool.h"

#include <stdlib.h>

void die(const struct err *err)
{
    log_error("%s", err->text);
    exit(1);
}

void shell(const char *script, struct buf *out)
{
    const char *const argv[] = {"sh", "-e", NULL};
    struct err err = {0};
    if (tool_run(argv, script, out, &err))
        die(&err);
}
