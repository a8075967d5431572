/* Parses addresses in options. name is the option's name, for messages.  0, or -1 with err. */
#ifndef CTR_NETSETUP_PARSE_H
#define CTR_NETSETUP_PARSE_H

#include "common/err.h"

#include <netinet/in.h>
#include <stdint.h>

/* 10.0.0.1, or 10.0.0.1/30: the only prefix there is. */
int net_addr_parse(const char *name, const char *text, struct in_addr *out, struct err *err);

/* 02:00:00:00:00:01, a single card's (not multicast). */
int net_mac_parse(const char *name, const char *text, uint8_t out[6], struct err *err);

#endif
