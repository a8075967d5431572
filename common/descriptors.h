/* A child gets the descriptors of its work and no other: close-on-exec does not help a child that executes nothing. */
#ifndef CTR_DESCRIPTORS_H
#define CTR_DESCRIPTORS_H

#include <stddef.h>

/* Closes every descriptor of this process but the count ones of kept, in which -1 is none, also those that whoever
 * started us left open.  kept gets sorted.  The kept ones keep their numbers.  0, or -1 with errno. */
int descriptors_keep(int *kept, size_t count);

/* Puts /dev/null in place of these, in which -1 is none: their numbers stay taken, and nothing is behind them any
 * more.  For stdin and stdout, whose numbers no other file may get, and where somebody is still to close the number.
 * 0, or -1 with errno. */
int descriptors_blank(const int *which, size_t count);

#endif
