/* The process that has a port, for an error message. */
#ifndef CTR_NETSETUP_HOLDER_H
#define CTR_NETSETUP_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* "nginx, pid 123": the process that has a port of this network namespace, over IPv4 or both, or over
 * IPv6 only.  false when none is seen (it lives in another PID namespace, or does not listen on it). */
bool holder_find(bool udp, bool ipv6, unsigned port, char *text, size_t size);

#endif
