/* Published ports: the VM_PORTS option. */
#ifndef CTR_NETSETUP_PORTS_H
#define CTR_NETSETUP_PORTS_H

#include "common/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `count` ports from host_port on, at one address of the host or (0) at all addresses, lead to the same number of guest
 * ports. */
struct net_port {
    struct in_addr host_addr;
    uint16_t host_port, guest_port, count;
    bool udp;
};

struct net_ports {
    struct net_port *list; /* owned */
    size_t count;
    bool all; /* every port that no socket here has; the list is empty */
};

#define NET_PORTS_ALL "all"

/* Parses `[[ADDRESS:]PORT[-PORT]:]PORT[-PORT][/tcp|/udp]`, comma-separated, or `all`; "" is none.  name is the
 * option's, for messages.  0, or -1 with err and an empty list. */
int net_ports_parse(const char *name, const char *text, struct net_ports *ports, struct err *err);
void net_ports_free(struct net_ports *ports);

#endif
