/* The TAP is created with the flags with which Firecracker opens it later by name (IFF_TAP, IFF_NO_PI, IFF_VNET_HDR;
 * one queue): a device with other flags would refuse that open.  See Documentation/networking/tuntap.rst. */
#include "netsetup/tap.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

int tap_create(char name[IFNAMSIZ], struct err *err)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        err_sys(err, "cannot open /dev/net/tun");
        err_hint(err, "is the device passed into the container, and the tun module loaded?");
        return -1;
    }
    ifr.ifr_flags |= (short)IFF_TUN_EXCL; /* never an existing device */
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        if (errno == EBUSY || errno == EINVAL)
            return err_set(err, "cannot create TAP device %s: the name is in use (choose another name)", name);
        err_sys(err, "cannot create TAP device %s", name);
        err_hint(err, "is CAP_NET_ADMIN granted?");
        return -1;
    }
    snprintf(name, IFNAMSIZ, "%s", ifr.ifr_name);
    return steal_fd(&fd);
}

int tap_persist(int fd, const char *name, uid_t uid, gid_t gid, struct err *err)
{
    if (ioctl(fd, TUNSETOWNER, (unsigned long)uid) < 0 || ioctl(fd, TUNSETGROUP, (unsigned long)gid) < 0)
        return err_sys(err, "cannot give TAP device %s to uid %u, gid %u", name, uid, gid);
    if (ioctl(fd, TUNSETPERSIST, 1UL) < 0)
        return err_sys(err, "cannot make TAP device %s persistent", name);
    return 0;
}
