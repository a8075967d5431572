/* Text that the VMM writes: the guest's serial console, with kernel and panic text only, and what the jailer and
 * Firecracker print; Firecracker's log.  The last 64 KiB are kept, to explain a failure. */
#ifndef CTR_CONSOLE_H
#define CTR_CONSOLE_H

#include "common/buf.h"
#include "common/loop.h"

struct console;

/* fd stays the caller's.  name: of the text in the debug log; a string literal.  line (may be NULL) gets every
 * line of it.  NULL without memory. */
struct console *console_new(struct loop *loop, int fd, const char *name, void (*line)(void *arg, const char *line),
                            void *arg);

/* Reads what is there, without waiting: all that a pipe holds (64 KiB, pipe(7)), and some more, but a writer that never
 * rests keeps nobody here. */
void console_drain(struct console *c);

/* The most telling line: a panic, init's last message, or else the last line.  Valid until the next call. */
const char *console_summary(struct console *c);

/* The text that is kept. */
const struct buf *console_text(const struct console *c);

void console_free(struct console *c);

#endif
