/* One netlink conversation: a request, and its answers or its acknowledgement. */
#ifndef CTR_NETSETUP_NL_H
#define CTR_NETSETUP_NL_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

enum { NL_BUF = 32768 }; /* bytes: a dump's messages may be larger than a page */

/* Starts a request in buf (NL_BUF bytes are plenty), with `extra` bytes of zeroed family header (*head). */
struct nlmsghdr *nl_request(void *buf, uint16_t type, uint16_t flags, size_t extra, void *head);

/* Sends a request over `bus` (NETLINK_ROUTE, ...) and feeds every answer to cb, which may be NULL.  A dump that the
 * kernel reports as interrupted, because the table changed under it, is repeated for up to a minute, so cb may see an
 * object twice.  0, or -1 with the kernel's errno. */
int nl_call(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *data);

/* The same for a cb that counts or collects: before a repetition, forget(data) drops what it has so far. */
int nl_dump(int bus, struct nlmsghdr *request, mnl_cb_t cb, void (*forget)(void *data), void *data);

/* For mnl_attr_parse: a message's or nest's attributes by type, into out, which has max + 1 entries. */
struct nl_attrs {
    const struct nlattr **out;
    uint16_t max;
};
int nl_sort_attr(const struct nlattr *attr, void *attrs);

/* An array `name` of the attributes in the nest attr, which may be NULL. */
#define NL_NEST(name, attr, top)                                                                                       \
    const struct nlattr *name[(top) + 1] = {NULL};                                                                     \
    if (attr)                                                                                                          \
    mnl_attr_parse_nested(attr, nl_sort_attr, &(struct nl_attrs){name, top})

/* Its text; "" when attr is NULL. */
const char *nl_str(const struct nlattr *attr);

#endif
