/* This process's own terminal, while the command has one in the guest: bytes pass through ours unchanged, and the
 * guest's terminal does the rest. */
#ifndef CTR_TERMINAL_H
#define CTR_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Whether stdin and stdout are terminals. */
bool terminal_present(void);

/* Its size in characters; zeros when it is not known. */
void terminal_size(uint32_t *rows, uint32_t *columns);

/* Switches to raw mode, and back to the previous mode. terminal_restore does nothing if the mode was not changed, and
 * may be called at any time. */
void terminal_raw(void);
void terminal_restore(void);

#endif
