/* A folder in the store for what is not yet a part of it. */
#ifndef CTR_STORE_WORK_H
#define CTR_STORE_WORK_H

#include "common/err.h"
#include "store/store.h"

enum { WORK_PATH = 4096 };
struct work {
    const struct store *store;
    int fd; /* the folder; -1: none.  Its lock says that its maker is alive. */
    char name[24];
    char path[WORK_PATH]; /* absolute */
};

/* Makes an empty folder that belongs to this process, and removes those whose makers were killed.  -1 with err. */
int work_open(struct work *w, const struct store *s, struct err *err);

/* Removes it with everything in it.  A failure is not reported: the next work_open tries again. */
void work_close(struct work *w);

#endif
