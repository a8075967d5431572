/* Published ports in the form that CNI plugins expect. */
#ifndef CTR_CTL_PORTMAP_H
#define CTR_CTL_PORTMAP_H

#include "common/buf.h"
#include "common/err.h"

/* Appends {"portMappings": [...]} (CONVENTIONS.md of CNI, "portMappings") for a list [ADDRESS:]PORT:PORT[/tcp|/udp],...
 * -1 with err. */
int portmap_json(const char *ports, struct buf *out, struct err *err);

#endif
