/* Ends a TCP connection after one side has vanished silently. */
#ifndef CTR_NETSETUP_RESET_H
#define CTR_NETSETUP_RESET_H

#include <netinet/in.h>
#include <sys/socket.h>

union reset_end {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Resets remote's end of its connection with local, an address of this host: at once if remote answers, otherwise
 * never. */
void reset_peer(const union reset_end *local, const union reset_end *remote);

#endif
