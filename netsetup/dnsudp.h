/* The relay's UDP half: takes queries from the guest, and has the servers answer them. */
#ifndef CTR_NETSETUP_DNSUDP_H
#define CTR_NETSETUP_DNSUDP_H

#include "common/loop.h"
#include "netsetup/dnsservers.h"

#include <netinet/in.h>

struct dnsudp;

/* More than this at the same time, by their count or their bytes, are answered with SERVFAIL. */
enum { DNSUDP_QUERIES = 4096, DNSUDP_BYTES = 4 << 20 };

/* Queries come to fd (not owned, non-blocking) and count when guest has sent them.  NULL without memory. */
struct dnsudp *dnsudp_new(struct loop *loop, int fd, struct in_addr guest, struct dnsservers *servers);
void dnsudp_free(struct dnsudp *u);

#endif
