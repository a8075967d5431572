#include "netsetup/ipv6.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "netsetup/link.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static bool setting_is(const char *dev, const char *key, char value)
{
    char path[96];
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", dev, key);
    cleanup_free char *now = io_read_file(AT_FDCWD, path, 16, NULL);
    return now && now[0] == value;
}

static bool set(const char *dev, const char *key, const char *value)
{
    char path[96];
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", dev, key);
    return io_write_text(path, value) == 0;
}

/* A forwarding host ignores router advertisements, and drops the default route it has from one, unless
 * accept_ra is 2 (Documentation/networking/ip-sysctl.rst): the host must not lose its own IPv6 to us. */
static int keep_routes(const struct link_info *info, void *failed)
{
    if (setting_is(info->name, "accept_ra", '1') && !set(info->name, "accept_ra", "2\n"))
        *(bool *)failed = true;
    return 0;
}

bool ipv6_ready(void)
{
    struct link_info uplink;
    bool failed = false;
    if (link_default(AF_INET6, &uplink) < 0)
        return false;
    if (setting_is("all", "forwarding", '1'))
        return true;
    return link_each(keep_routes, &failed) == 0 && !failed && set("all", "forwarding", "1\n");
}

bool ipv6_choose(struct in6_addr *tap, struct in6_addr *guest)
{
    *tap = (struct in6_addr){.s6_addr = {0xfd}};
    if (getrandom(tap->s6_addr + 1, 7, 0) != 7)
        return false;
    *guest = *tap;
    tap->s6_addr[15] = 1;
    guest->s6_addr[15] = 2;
    return true;
}

bool ipv6_disable(const char *dev)
{
    return access("/proc/net/if_inet6", F_OK) < 0 || setting_is(dev, "disable_ipv6", '1') ||
           set(dev, "disable_ipv6", "1\n");
}

bool ipv6_only_with_carrier(const char *dev)
{
    return set(dev, "ignore_routes_with_linkdown", "1\n");
}

bool ipv6_no_source_routes(const char *dev)
{
    static const char *const keys[] = {"seg6_enabled", "rpl_seg_enabled"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (setting_is(dev, keys[i], '1') && !set(dev, keys[i], "0\n"))
            return false;
    return true;
}
