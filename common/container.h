/* From a member to the struct that it is in: callbacks get the watch, timer or peer that they were registered with. */
#ifndef CTR_CONTAINER_H
#define CTR_CONTAINER_H

#include <stddef.h>

/* The type (struct s) whose member *pointer is. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
