/* Where an OCI runtime says what is wrong: in the file of --log, in runc's formats, from which an engine takes the last
 * error for its user; and in one line on stderr, which is the container's own. */
#ifndef CTR_OCI_REPORT_H
#define CTR_OCI_REPORT_H

#include "oci/arguments.h"

enum report_level { REPORT_WARNING, REPORT_ERROR };

/* text is one line.  A log that cannot be written is no error. */
void report(const struct arguments *a, enum report_level level, const char *text);

#endif
