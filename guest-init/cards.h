/* Network cards that take the place of the container's interfaces. */
#ifndef CTR_INIT_CARDS_H
#define CTR_INIT_CARDS_H

#include "common/err.h"

/* Finds the cards by MAC address, and brings them up with the interfaces' names, MTUs, addresses and routes, as the
 * settings (NAME=value strings, common/settings.h) say.  Without such settings, does nothing.  -1 with err. */
int cards_up(char *const *settings, struct err *err);

#endif
