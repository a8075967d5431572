/* The VMM's output: the guest's serial console, with kernel and panic text only, and what the jailer and
 * Firecracker print.  The last 64 KiB are kept, to say what happened when something does. */
#ifndef CTR_CONSOLE_H
#define CTR_CONSOLE_H

#include "common/buf.h"
#include "common/loop.h"

struct console;

/* fd stays the caller's.  panicked(arg) is called once the guest's kernel says that it panicked; whether it
 * then ends the VM is up to its panic= parameter.  NULL without memory. */
struct console *console_new(struct loop *loop, int fd, void (*panicked)(void *arg), void *arg);

/* Reads what is there, without waiting. */
void console_drain(struct console *c);

/* The one line that tells most: a panic, init's last word, else the last line.  Valid until the next
 * call. */
const char *console_summary(struct console *c);

/* What is kept of it. */
const struct buf *console_text(const struct console *c);

void console_free(struct console *c);

#endif
