/* Arguments of the commands for VMs. */
#ifndef CTR_CTL_ARGS_H
#define CTR_CTL_ARGS_H

#include <stdint.h>

/* The value of the flag at **arg, in the same argument or in the next one, to which *arg is then moved: "" if it is
 * missing.  NULL if the argument is another one. */
const char *args_value(char ***arg, const char *flag);

/* Seconds, up to a day; also written as 15s.  0, or -1. */
int args_seconds(const char *text, uint64_t *seconds);

#endif
