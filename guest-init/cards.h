/* Network cards that take the place of the container's interfaces. */
#ifndef CTR_INIT_CARDS_H
#define CTR_INIT_CARDS_H

#include "common/err.h"

/* Brings them up as the settings (NAME=value strings, common/settings.h) say: found by MAC address, under the names,
 * with the MTUs, addresses and routes of the interfaces.  Nothing when there are none.  -1 with err. */
int cards_up(char *const *settings, struct err *err);

#endif
