/* A DNS relay for one guest: a resolver on the host's loopback (127.0.0.53 of systemd-resolved, 127.0.0.11 of
 * Docker) answers the host only. */
#ifndef CTR_NETSETUP_DNS_H
#define CTR_NETSETUP_DNS_H

#include "common/err.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

/* Starts a process that takes queries on `listen`, UDP and TCP on one port of its own choice, and has
 * `resolver` (an address as text, IPv6 with its scope) answer them on port 53.  It ends with its parent.  Its pid, or
 * -1 with err. */
pid_t dns_start(struct in_addr listen, const char *resolver, uint16_t *port, struct err *err);
void dns_stop(pid_t pid);

#endif
