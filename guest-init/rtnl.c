#include "guest-init/rtnl.h"

#include "common/cleanup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static void append(struct rtnl *r, const void *data, size_t len)
{
    size_t at = r->head.nlmsg_len - sizeof(r->head);
    if (len > sizeof(r->body) - at)
        return; /* the kernel refuses an incomplete message */
    memcpy(r->body + at, data, len);
    r->head.nlmsg_len += (uint32_t)NLMSG_ALIGN(len);
}

void rtnl_begin(struct rtnl *r, uint16_t type, const void *header, size_t len)
{
    memset(r, 0, sizeof(*r));
    r->head = (struct nlmsghdr){
        .nlmsg_len = sizeof(r->head), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE};
    append(r, header, len);
}

void rtnl_put(struct rtnl *r, uint16_t type, const void *data, size_t len)
{
    const struct rtattr attr = {.rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = type};
    append(r, &attr, sizeof(attr));
    append(r, data, len);
}

int rtnl_send(struct rtnl *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } answer;
    cleanup_close int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (sock < 0 || send(sock, r, r->head.nlmsg_len, 0) < 0 ||
        recv(sock, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer))
        return -1;
    errno = -answer.error.error;
    return errno ? -1 : 0;
}
