/* The nameservers of a network namespace that is not the host's: what listens on the host's loopback is not there. */
#ifndef CTR_CTL_OWNRESOLV_H
#define CTR_CTL_OWNRESOLV_H

#include "common/err.h"

/* Gives this process and its children a mount namespace in which /etc/resolv.conf is the network's: the "dns" of a CNI
 * result (JSON), or else the host's, in which case systemd-resolved's own servers take the place of its 127.0.0.53.  -1
 * with err. */
int ownresolv_mount(const char *result, struct err *err);

#endif
