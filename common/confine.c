#include "common/confine.h"

#include "common/landlock.h"
#include "common/privilege.h"
#include "common/sandbox.h"

/* The folder may belong to anybody, and so may the files in it that are to be replaced. */
static const uint64_t passing = PRIVILEGE(CAP_DAC_OVERRIDE) | PRIVILEGE(CAP_FOWNER);

/* Owners, set-group-id bits, devices, file capabilities. */
static const uint64_t setting =
    PRIVILEGE(CAP_CHOWN) | PRIVILEGE(CAP_FSETID) | PRIVILEGE(CAP_MKNOD) | PRIVILEGE(CAP_SETFCAP);

int confine_unpacking(int folder, bool exact, struct err *err)
{
    /* for attributes in trusted.*; no lesser capability suffices */
    const uint64_t trusted = PRIVILEGE(CAP_SYS_ADMIN);
    if (privilege_keep(passing | (exact ? setting | trusted : 0)) < 0)
        return err_sys(err, "cannot give up capabilities");
    return landlock_make_below(folder, exact, err) < 0 ? -1 : sandbox_enter(SANDBOX_UNPACK, err);
}

int confine_layer(int folder, struct err *err)
{
    if (privilege_keep(passing | setting) < 0)
        return err_sys(err, "cannot give up capabilities");
    return landlock_replace_below(folder, err) < 0 ? -1 : sandbox_enter(SANDBOX_LAYER, err);
}

/* Only CAP_SYS_ADMIN shows attributes in trusted.*. */
int confine_packing(int folder, struct err *err)
{
    if (privilege_keep(privilege_reading() | PRIVILEGE(CAP_SYS_ADMIN)) < 0)
        return err_sys(err, "cannot give up capabilities");
    return landlock_list_below(folder, err) < 0 ? -1 : sandbox_enter(SANDBOX_PACK, err);
}

int confine_reading(int folder, struct err *err)
{
    if (privilege_keep(0) < 0)
        return err_sys(err, "cannot give up capabilities");
    return landlock_read_below(folder, err) < 0 ? -1 : sandbox_enter(SANDBOX_DISK, err);
}

int confine_logging(int folder, struct err *err)
{
    if (privilege_keep(0) < 0)
        return err_sys(err, "cannot give up capabilities");
    return landlock_make_below(folder, false, err) < 0 ? -1 : sandbox_enter(SANDBOX_LOGGER, err);
}

int confine_client(struct err *err)
{
    if (privilege_keep(0) < 0)
        return err_sys(err, "cannot give up capabilities");
    return sandbox_enter(SANDBOX_CLIENT, err);
}
