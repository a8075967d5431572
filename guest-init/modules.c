#include "guest-init/modules.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

static int load(const char *folder, const char *name, struct err *err)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot open the module %s", path);
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
        return err_sys(err, "the kernel refuses the module %s", name);
    unlink(path);
    return 0;
}

int modules_load(struct err *err)
{
    struct utsname self;
    char folder[128], path[160];
    uname(&self);
    snprintf(folder, sizeof(folder), "/lib/modules/%s", self.release);
    snprintf(path, sizeof(path), "%s/order", folder);
    cleanup_free char *order = io_read_file(AT_FDCWD, path, 64 * 1024, NULL);
    char *rest = order;
    for (char *name; rest && (name = strsep(&rest, "\n"));)
        if (*name && load(folder, name, err) < 0)
            return -1;
    unlink(path);
    return 0;
}
