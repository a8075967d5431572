#include "oci/allowed.h"

#include <string.h>

static const char *const names[ALLOWED_COUNT] = {
    "MEM_SIZE_MIB",    "VM_MEM_MIN_MIB",     "VM_MEM_RECLAIM",    "VCPU_COUNT",
    "VM_CPU_TEMPLATE", "ROOTFS_SIZE",        "VM_DISK_BANDWIDTH", "VM_DISK_OPS",
    "VM_NETWORK",      "VM_PORTS",           "VM_NET_BANDWIDTH",  "VM_NET_OPS",
    "VM_INIT",         "VM_SYSCTLS",         "VM_STOP_SIGNAL",    "VM_STOP_TIMEOUT",
    "VM_BOOT_TIMEOUT", "VM_HEALTHCHECK_CMD", "VM_LOG_LEVEL",
};

int allowed_find(const char *name, size_t len)
{
    for (int i = 0; i < ALLOWED_COUNT; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return i;
    return -1;
}

const char *allowed_name(int place)
{
    return names[place];
}
