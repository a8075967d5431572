#include "common/landlock.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What the first version of the interface knows, and what the second and third have added. */
#define ACCESS_V1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define ACCESS_V2 (UINT64_C(1) << 13) /* LANDLOCK_ACCESS_FS_REFER */
#define ACCESS_V3 (UINT64_C(1) << 14) /* LANDLOCK_ACCESS_FS_TRUNCATE */

static int confine(int folder, uint64_t access, long least, struct err *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < least) {
        log_debug(version < 1 ? "this kernel has no Landlock" : "this kernel's Landlock is too old");
        return 0;
    }
    struct landlock_ruleset_attr all = {.handled_access_fs =
                                            ACCESS_V1 | (version > 1 ? ACCESS_V2 : 0) | (version > 2 ? ACCESS_V3 : 0)};
    struct stat st;
    if (fstat(folder, &st) == 0 && !S_ISDIR(st.st_mode)) /* the other rights are for folders only */
        access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_V3;
    struct landlock_path_beneath_attr below = {.allowed_access = access & all.handled_access_fs, .parent_fd = folder};
    cleanup_close int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (rules < 0 || syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        return err_sys(err, "cannot confine this process by Landlock");
    return 0;
}

int landlock_read_below(int folder, struct err *err)
{
    return confine(folder, LANDLOCK_ACCESS_FS_READ_FILE, 1, err);
}

int landlock_list_below(int folder, struct err *err)
{
    return confine(folder, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, 1, err);
}

/* The first version allows no hard link from one folder to another. */
#define MAKING                                                                                                         \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                    \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM | ACCESS_V2 | ACCESS_V3)
#define NODES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO)
int landlock_make_below(int folder, bool special, struct err *err)
{
    return confine(folder, MAKING | (special ? NODES : 0), 2, err);
}

int landlock_replace_below(int folder, struct err *err)
{
    return confine(folder, MAKING | NODES | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR, 2, err);
}

/* The first version would refuse every move from one folder to another. */
int landlock_all_below(int folder, struct err *err)
{
    return confine(folder,
                   MAKING | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                       LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SOCK,
                   2, err);
}
