/* A valid reset has the sequence number that the other side expects next, and only the other side knows that number.
 * So we ask for it, with a SYN on the old connection's addresses and ports.  A side that still has the connection takes
 * the SYN for the sign of a restart, and answers with an ACK that has its numbers.  Our kernel has no such connection
 * any more, so it answers the ACK with a reset, and the numbers in that reset are right (RFC 9293, 3.5.1, "Half-open
 * connections"; RFC 5961, 4).  This needs no right to send arbitrary packets (CAP_NET_RAW). */
#include "netsetup/reset.h"
#include "common/cleanup.h"

void reset_peer(const union reset_end *local, const union reset_end *remote)
{
    const int on = 1;
    int family = local->any.sa_family;
    socklen_t len = family == AF_INET6 ? sizeof(local->v6) : sizeof(local->v4);
    cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 && bind(fd, &local->any, len) == 0)
        (void)!connect(fd, &remote->any, len); /* in progress; a late reply finds no waiter */
}
