#ifndef CTR_ARRAY_H
#define CTR_ARRAY_H

/* The number of elements of an array (not of a pointer to one). */
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#endif
