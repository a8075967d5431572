/* The plugin's result: the previous plugin's, with our TAP and the VM's end of it. */
#ifndef CTR_CNI_RESULT_H
#define CTR_CNI_RESULT_H

#include "cni/request.h"
#include "common/buf.h"
#include "netsetup/takecard.h"

/* Appends the previous result with two more interfaces, both with the TAP's name: the TAP, in the network namespace,
 * and the VM's own, whose sandbox is the container's id.  The VM's own has the MAC address and, once more, the
 * addresses of the container's interface: from these, tools for Firecracker learn the guest's configuration. */
void result_add(struct buf *out, const struct cni_request *r, const struct takeover_card *made);

/* The TAP that a previous result of ours names; "" when it names none. */
void result_tap(const struct cni_request *r, char tap[IFNAMSIZ]);

#endif
