/* A VM's network, as state.json and `status` have it. */
#ifndef CTR_NETJSON_H
#define CTR_NETJSON_H

#include "common/json.h"
#include "netsetup/netplan.h"
#include "netsetup/takeover.h"

/* Adds addresses and TAP (null without link), and ports as VM_PORTS has them. */
void netjson_fill(struct json *j, const struct net_link *link, const struct takeover *taken,
                  const struct net_ports *ports);

#endif
