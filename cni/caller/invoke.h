/* Runs one CNI plugin, as the specification's section "Execution Protocol" says. */
#ifndef CTR_CNI_INVOKE_H
#define CTR_CNI_INVOKE_H

#include "cni/caller/attachment.h"
#include "common/buf.h"
#include "common/err.h"

/* Whether there is such a plugin: 0, or -1 with err. */
int invoke_check(const struct cni_attachment *a, const char *type, struct err *err);

/* Runs the plugin type, which is looked for in a->plugin_dirs, with config on its stdin.  What it prints is appended to
 * out.  0; or -1 with err, which has the plugin's own message. */
int invoke(const struct cni_attachment *a, const char *command, const char *type, const struct buf *config,
           struct buf *out, struct err *err);

#endif
