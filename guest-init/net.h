/* The guest's network interfaces. */
#ifndef CTR_INIT_NET_H
#define CTR_INIT_NET_H

#include "common/err.h"

/* lo up; and eth0 with its address, MTU and default route, when settings (NAME=value strings) give an
 * address. */
int net_up(char *const *settings, struct err *err);

#endif
