/* A DNS relay for one guest: a resolver on the host's loopback (127.0.0.53 of systemd-resolved, 127.0.0.11 of
 * Docker) answers the host only. */
#ifndef CTR_NETSETUP_DNS_H
#define CTR_NETSETUP_DNS_H

#include "common/err.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

/* Starts a process that takes queries on `listen`, UDP and TCP on one port of its own choice, and has
 * `resolver` (an address as text, IPv6 with its scope) answer them on port 53.  It runs as the user uid, without
 * rights, and ends with its parent when that runs as the same.  Its pidfd (common/process.h), or -1 with err. */
int dns_start(struct in_addr listen, const char *resolver, uid_t uid, uint16_t *port, struct err *err);

#endif
