/* logs: what the guest or Firecracker wrote, which a terminal gets as text only. */
#include "ctl/ctl.h"

#include <string.h>

int ctl_logs(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf text = {0};
    bool vmm = false, raw = false;
    for (char **arg = argv + 1; *arg; arg++) {
        if (strcmp(*arg, "--vmm") == 0)
            vmm = true;
        else if (strcmp(*arg, "--raw") == 0)
            raw = true;
        else
            return err_set(err, "logs: use it as: logs [--vmm] [--raw]");
    }
    if (ctl_ask(id, vmm ? PROTO_VMM_LOGS : PROTO_LOGS, true, &text, err) < 0)
        return -1;
    return ctl_print(&text, raw, err);
}
