#include "common/begin.h"
#include "common/limits.h"

#include <signal.h>
#include <sys/stat.h>

int begin(struct err *err)
{
    umask(022);
    signal(SIGCHLD, SIG_DFL);
    return limits_stack(err);
}
