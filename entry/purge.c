#include "entry/purge.h"

#include "common/local.h"
#include "entry/disks/drives.h"
#include "entry/host/cgroup.h"
#include "entry/host/orphans.h"
#include "entry/host/rundir.h"
#include "entry/host/trusted.h"
#include "netsetup/netsetup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* VM_JAIL_BASE/FIRECRACKER/ID, where the jailer makes its jails. */
static int clear_jails(const struct options *o, struct err *err)
{
    char path[PATH_MAX];
    const char *program = o->value[OPT_FIRECRACKER_BIN], *slash = strrchr(program, '/');
    const char *base = o->value[OPT_JAIL_BASE];
    if (snprintf(path, sizeof(path), "%s/%s", base, slash ? slash + 1 : program) >= (int)sizeof(path) ||
        access(path, F_OK) < 0)
        return 0;
    if (trusted_path("VM_JAIL_BASE", base, path, err) < 0)
        return -1;
    orphans_remove_folders(path);
    rmdir(path);
    return 0;
}

int purge(const struct options *o, struct err *err)
{
    int rc = 0;
    if (rundir_clear(LOCAL_DIR) < 0)
        rc = err_sys(err, "cannot clear %s", LOCAL_DIR);
    if (clear_jails(o, err) < 0)
        rc = -1;
    cgroup_clear();
    drives_clear(o->value[OPT_SCRATCH_DIR]);
    return netsetup_gc(NULL, err) < 0 ? -1 : rc;
}
