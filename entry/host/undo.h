/* What was made on the host, and how to take it back: a stack, undone in reverse at every way out.
 *
 * Once everything is made, the stack goes to a separate process, the keeper, which keeps root's rights and waits.  The
 * original process, which reads what a hostile guest sends, can then give its rights up.  Whatever ends that process,
 * SIGKILL included, the keeper undoes everything at once. */
#ifndef CTR_UNDO_H
#define CTR_UNDO_H

#include "common/err.h"

#include <stddef.h>

struct undo;

/* NULL without memory. */
struct undo *undo_new(void);

/* Records that undo(handle) takes back what was just made; what names it in messages (not copied).
 * Without memory it is undone at once, and -1 returned with err. */
int undo_push(struct undo *u, const char *what, void (*undo)(void *handle), void *handle, struct err *err);

/* Starts the keeper, which owns the handles from now on: this process must not change what they stand for.  The
 * descriptors in own (-1: none) stay with this process alone: the control socket, whose name tells that the VM lives,
 * and those that read from the guest and Firecracker.  -1 with err. */
int undo_entrust(struct undo *u, const int *own, size_t count, struct err *err);

/* Undoes everything in reverse order, or has the keeper do it and waits, and frees u. */
void undo_all(struct undo *u);

#endif
