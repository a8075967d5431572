/* A request to the kernel's rtnetlink(7). */
#ifndef CTR_INIT_RTNL_H
#define CTR_INIT_RTNL_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct rtnl {
    struct nlmsghdr head;
    uint8_t body[512]; /* larger than any request of ours */
};

/* Starts one that creates something, with its family's header of len bytes. */
void rtnl_begin(struct rtnl *r, uint16_t type, const void *header, size_t len);

/* Adds an attribute (struct rtattr). */
void rtnl_put(struct rtnl *r, uint16_t type, const void *data, size_t len);

/* Sends it.  0, or -1 with the kernel's errno. */
int rtnl_send(struct rtnl *r);

#endif
