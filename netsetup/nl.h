/* One netlink conversation: a request, and its answers or its acknowledgement. */
#ifndef CTR_NETSETUP_NL_H
#define CTR_NETSETUP_NL_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

enum { NL_BUF = 32768 }; /* bytes: a dump's messages may be larger than a page */

/* Starts a request in buf (NL_BUF bytes are plenty), with `extra` bytes of zeroed family header (*head). */
struct nlmsghdr *nl_request(void *buf, uint16_t type, uint16_t flags, size_t extra, void *head);

/* Sends a request over `bus` (NETLINK_ROUTE, ...) and feeds every answer to cb, which may be NULL.  A dump
 * that the kernel says was disturbed is repeated, so cb must bear seeing an object twice.  0, or -1 with
 * the kernel's errno. */
int nl_call(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *data);

#endif
