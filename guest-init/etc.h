/* The files of /etc that tell a machine who and where it is. */
#ifndef CTR_INIT_ETC_H
#define CTR_INIT_ETC_H

#include "common/err.h"

/* Sets the hostname, and covers /etc/hosts, hostname and resolv.conf of the present root with files of our
 * own as settings (NAME=value strings) tell.  -1 with err. */
int etc_cover(char *const *settings, struct err *err);

#endif
