/* Firecracker, configured, started and later asked over its API socket. */
#ifndef CTR_VMM_H
#define CTR_VMM_H

#include "common/err.h"
#include "common/loop.h"
#include "entry/vmm/api.h"
#include "entry/vmm/vmmplan.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds between two reports of the guest's kernel about its memory. */
enum { VMM_BALLOON_INTERVAL = 2 };

/* Firecracker, by its API. */
struct vmm;

/* Of the API socket `socket` in the folder run (a descriptor).  process is readable when Firecracker has ended.  NULL
 * without memory. */
struct vmm *vmm_open(int run, const char *socket, int process);

/* Waits for the API socket, and configures everything but the drives, whose files may still be missing.  Gives up when
 * it is cancelled (common/cancel.h) or Firecracker ends.  -1 with err, which after a refusal carries Firecracker's own
 * message. */
int vmm_prepare(struct vmm *v, const struct vmm_plan *plan, struct err *err);

/* Then adds the drives and starts the VM.  -1 in the same way. */
int vmm_start(struct vmm *v, const struct vmm_plan *plan, struct err *err);

/* From now on the loop, which must outlive it, serves the connection; until then nothing can be asked. */
void vmm_join(struct vmm *v, struct loop *loop);

/* Requests that are possible then, as by api_send.  MiB: the size by which the guest's memory is to shrink. */
int vmm_get_balloon(struct vmm *v, api_done *done, void *arg);
int vmm_set_balloon(struct vmm *v, uint64_t mib);
int vmm_flush_metrics(struct vmm *v, api_done *done, void *arg);
int vmm_set_paused(struct vmm *v, bool paused, api_done *done, void *arg);

/* The descriptor of the connection to Firecracker; -1: there is none. */
int vmm_connection(const struct vmm *v);

/* "1.12.1"; "" before it was asked. */
const char *vmm_version(const struct vmm *v);

/* Allowed for NULL. */
void vmm_close(struct vmm *v);

#endif
