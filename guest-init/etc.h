/* The files of /etc with the machine's name, hosts and nameservers. */
#ifndef CTR_INIT_ETC_H
#define CTR_INIT_ETC_H

#include "common/err.h"

/* Sets the hostname, and covers /etc/hosts, hostname and resolv.conf of the present root with files of our own, made
 * from the settings (NAME=value strings).  -1 with err. */
int etc_cover(char *const *settings, struct err *err);

#endif
