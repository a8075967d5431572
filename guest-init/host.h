/* Connections to entry, on the host (common/proto.h). */
#ifndef CTR_INIT_HOST_H
#define CTR_INIT_HOST_H

#include "common/err.h"
#include "common/proto.h"

/* Connects and says hello.  A descriptor, or -1 with err. */
int host_connect(enum proto_kind kind, uint32_t session, struct err *err);

#endif
