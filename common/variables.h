/* Environment variables whose plain name does not reach a guest's command.  CTR_NAME does, as NAME. */
#ifndef CTR_VARIABLES_H
#define CTR_VARIABLES_H

#include <stdbool.h>

/* The prefix of most options, and the one that carries any name to the command. */
#define VARIABLES_OPTION "VM_"
#define VARIABLES_CARRIED "CTR_"

/* Whether the variable describes the container; the guest has a value of its own for it. */
bool variables_describe_container(const char *name);

/* Whether only CTR_NAME reaches the command reliably, because the name is an option, resembles one, or describes the
 * container.
 */
bool variables_need_prefix(const char *name);

#endif
