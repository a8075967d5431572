/* A child keeps only the descriptors that it needs: close-on-exec does not help a child that never calls execve. */
#ifndef CTR_DESCRIPTORS_H
#define CTR_DESCRIPTORS_H

#include <stddef.h>

/* Closes every descriptor of this process, inherited ones included, except the count ones in kept (-1: none).  Sorts
 * kept.  The kept descriptors keep their numbers.  0, or -1 with errno. */
int descriptors_keep(int *kept, size_t count);

/* Replaces these descriptors (-1: none) with /dev/null, so that their numbers stay taken.  For stdin and stdout, whose
 * numbers no other file may get, and for descriptors that other code will still close.  0, or -1 with errno. */
int descriptors_blank(const int *which, size_t count);

/* Opens /dev/null for those of descriptors 0 to 2 that are closed, before anything else gets their numbers. */
void descriptors_standard(void);

#endif
