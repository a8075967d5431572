/* The relay's TCP half: carries the guest's connections to a server. */
#ifndef CTR_NETSETUP_DNSTCP_H
#define CTR_NETSETUP_DNSTCP_H

#include "common/loop.h"
#include "netsetup/dnsservers.h"

#include <netinet/in.h>

struct dnstcp;

/* The most connections at a time, fewer where descriptors are few (`ulimit -n`): a further one replaces the connection
 * that was silent longest. */
enum { DNSTCP_STREAMS = 32 };

/* Connections come to fd (not owned, listening, non-blocking) and are taken from guest.  NULL without memory. */
struct dnstcp *dnstcp_new(struct loop *loop, int fd, struct in_addr guest, struct dnsservers *servers);
void dnstcp_free(struct dnstcp *t);

#endif
