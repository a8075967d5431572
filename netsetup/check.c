#include "netsetup/check.h"
#include "netsetup/subnet.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

static int check_id(const char *id, struct err *err)
{
    static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    if (!id[0] || id[strspn(id, ok)] || strlen(id) > NET_ID_MAX)
        return err_set(err, "the VM's id '%s' is not 1 to %d letters, digits and dashes", id, NET_ID_MAX);
    return 0;
}

/* The names that both the kernel and iptables accept: `+` at the end would be iptables' wildcard, and `%` the kernel's.
 */
static int check_name(const char *option, const char *name, struct err *err)
{
    static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";
    if (name[strspn(name, ok)] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == '-')
        return err_set(err, "%s=%s: not a device name (1 to %d letters, digits and -_.@)", option, name, IFNAMSIZ - 1);
    return 0;
}

static bool usable(struct in_addr addr)
{
    unsigned top = ntohl(addr.s_addr) >> 24;
    return !addr.s_addr || (top != 0 && top != 127 && top < 224);
}

static int check_addrs(struct in_addr tap, struct in_addr guest, struct err *err)
{
    char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &tap, a, sizeof(a));
    inet_ntop(AF_INET, &guest, b, sizeof(b));
    if (!usable(tap) || !usable(guest))
        return err_set(err, "TAP_IP=%s, GUEST_IP=%s: not addresses that a device can have", a, b);
    if (!subnet_pair(&tap, &guest))
        return err_set(err, "TAP_IP=%s, GUEST_IP=%s: not the two hosts of one /30, such as 10.0.0.1 and 10.0.0.2", a,
                       b);
    return 0;
}

/* Only the first network namespace has this file (net/core/sysctl_net_core.c copies the rest of its table for the
 * others, but not this part). */
bool netsetup_on_host(void)
{
    return access("/proc/sys/net/core/netdev_max_backlog", F_OK) == 0;
}

int netsetup_check(const struct net_plan *plan, struct err *err)
{
    if (check_id(plan->id, err) < 0 || check_name("TAP_DEVICE", plan->tap, err) < 0 ||
        check_name("HOST_IFACE", plan->uplink, err) < 0 || check_addrs(plan->tap_addr, plan->guest_addr, err) < 0)
        return -1;
    if (plan->guest_mac[0] & 1)
        return err_set(err, "GUEST_MAC: a multicast address (the first byte must be even)");
    if (plan->ports.all && netsetup_on_host())
        return err_set(err, "VM_PORTS=all: with host networking the guest would take the host's own ports: name the "
                            "ports, as in VM_PORTS=8080:80, or give the container a network of its own");
    return 0;
}
