/* Network devices and the default route, over rtnetlink (rtnetlink(7)). */
#ifndef CTR_NETSETUP_LINK_H
#define CTR_NETSETUP_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct mnl_socket;

enum { LINK_ALIAS = 128 };

struct link_info {
    unsigned ifindex;
    unsigned mtu, queue; /* bytes; packets (txqueuelen) */
    char name[IFNAMSIZ];
    char alias[LINK_ALIAS]; /* "" when none */
};

/* What a TAP gets in one message, before it goes up. */
struct link_config {
    const char *alias;
    unsigned mtu;
    uint32_t group;      /* of devices, which rules can match on */
    const uint8_t *mac;  /* 6 bytes; set explicitly, since udev replaces a MAC that the kernel chose */
    bool route_localnet; /* 127.0.0.0/8 may leave and enter through it: for ports published there */
};

/* All return 0, or -1 with errno. */
int link_find(const char *name, struct link_info *out);
int link_find_index(unsigned ifindex, struct link_info *out);
int link_each(int (*each)(const struct link_info *info, void *data), void *data);
int link_configure(unsigned ifindex, const struct link_config *config);
int link_up(unsigned ifindex, bool only_with_carrier); /* its IPv4 routes hold only while it has one */
int link_delete(unsigned ifindex);                     /* everything that the kernel allocated for it is free again */

/* Keeps the kernel from giving the device IPv6 addresses.  Fails if the device has no IPv6 at all. */
int link_no_autoconf(unsigned ifindex);

/* The default route's device (AF_INET, AF_INET6), the lowest metric first; ENOENT when there is none. */
int link_default(int family, struct link_info *out);

/* Deletes a device in two steps.  Once link_delete_wait returns, the device, its addresses and its routes are gone from
 * the namespace, and its name is free.  The kernel frees the device's memory later, in a thread that stays for that
 * purpose (the exit of the process waits for the thread).  0, or -1 with errno.  Every start must be followed by a
 * wait. */
struct link_deletion {
    unsigned ifindex;
    struct mnl_socket *news;
    int report; /* -1: nothing is being waited for */
};
#define LINK_DELETION_NONE                                                                                             \
    {                                                                                                                  \
        .report = -1                                                                                                   \
    }
int link_delete_start(unsigned ifindex, struct link_deletion *d);
int link_delete_wait(struct link_deletion *d);

#endif
