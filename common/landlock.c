#include "common/landlock.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>

/* What the first version of the interface knows, and what the second and third have added. */
#define ACCESS_V1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define ACCESS_V2 (UINT64_C(1) << 13) /* LANDLOCK_ACCESS_FS_REFER */
#define ACCESS_V3 (UINT64_C(1) << 14) /* LANDLOCK_ACCESS_FS_TRUNCATE */

int landlock_read_below(int folder, struct err *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        log_debug("this kernel has no Landlock");
        return 0;
    }
    struct landlock_ruleset_attr all = {.handled_access_fs =
                                            ACCESS_V1 | (version > 1 ? ACCESS_V2 : 0) | (version > 2 ? ACCESS_V3 : 0)};
    struct landlock_path_beneath_attr below = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = folder};
    cleanup_close int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (rules < 0 || syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        return err_sys(err, "cannot confine this process by Landlock");
    return 0;
}
