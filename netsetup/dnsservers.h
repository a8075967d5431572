/* The resolvers that a relay asks: in their order, except that servers without a recent answer come last. */
#ifndef CTR_NETSETUP_DNSSERVERS_H
#define CTR_NETSETUP_DNSSERVERS_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { DNSSERVERS_MAX = 3 /* as many as resolv.conf(5) can have */ };

struct dnsserver {
    struct sockaddr_storage address;
    socklen_t len;
    uint64_t shunned; /* until this time of loop_now's clock, others are asked first */
};

struct dnsservers {
    struct dnsserver list[DNSSERVERS_MAX];
    size_t count;
};

/* Adds the resolver at an address, given as text (IPv6 with its scope), and port 53.  -1 with err. */
int dnsservers_add(struct dnsservers *s, const char *address, struct err *err);

/* The next server to ask, or -1; tried has a bit for each server already asked. */
int dnsservers_next(const struct dnsservers *s, unsigned tried);

/* Records that the server refused, or was silent. */
void dnsservers_shun(struct dnsservers *s, int server);

/* A socket of its own, connected or about to be, that never blocks; the kernel chooses its port at random
 * (net/ipv4/udp.c, udp_lib_get_port) and matches the address that answers come from.  -1 with errno. */
int dnsservers_connect(const struct dnsservers *s, int server, int type);

#endif
