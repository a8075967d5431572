#include "common/variables.h"

#include <stddef.h>
#include <string.h>

static const char *const of_container[] = {"HOSTNAME", "HOME", "PWD", "SHLVL", "_", "TERM", NULL};

/* The options whose names do not begin with VM_ (entry/plan/options.c); a unit test compares the two. */
static const char *const options[] = {"ROOTFS_SIZE", "DATAFS_SIZE", "VCPU_COUNT",       "MEM_SIZE_MIB",
                                      "TAP_IP",      "TAP_DEVICE",  "GUEST_IP",         "GUEST_MAC",
                                      "HOST_IFACE",  "INTERFACE",   "KERNEL_BOOT_ARGS", "EXTRA_KERNEL_BOOT_ARGS",
                                      NULL};

static bool is_one_of(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

bool variables_describe_container(const char *name)
{
    return is_one_of(of_container, name);
}

bool variables_need_prefix(const char *name)
{
    return variables_describe_container(name) || is_one_of(options, name) ||
           strncmp(name, VARIABLES_OPTION, strlen(VARIABLES_OPTION)) == 0 ||
           strncmp(name, VARIABLES_CARRIED, strlen(VARIABLES_CARRIED)) == 0;
}
