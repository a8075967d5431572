/* Firecracker's own log.  All of it goes to the debug log; messages that the user must know are reported, once. */
#ifndef CTR_VMMLOG_H
#define CTR_VMMLOG_H

#include "common/loop.h"

struct vmmlog;

/* Reads fd, which stays the caller's.  NULL without memory. */
struct vmmlog *vmmlog_new(struct loop *loop, int fd);
/* What is kept of it, and has come by now: text; NULL for nothing. */
const char *vmmlog_text(struct vmmlog *v);

void vmmlog_free(struct vmmlog *v);

#endif
