/* What was made on the host, and how to take it back: a stack, undone in reverse at every way out. */
#ifndef CTR_UNDO_H
#define CTR_UNDO_H

#include "common/err.h"

struct undo;

/* NULL without memory. */
struct undo *undo_new(void);

/* Records that undo(handle) takes back what was just made; what names it in messages (not copied).
 * Without memory it is undone at once, and -1 returned with err. */
int undo_push(struct undo *u, const char *what, void (*undo)(void *handle), void *handle, struct err *err);

/* Undoes everything in reverse order and frees u. */
void undo_all(struct undo *u);

#endif
