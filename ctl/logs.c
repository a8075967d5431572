/* logs: what the guest or Firecracker wrote, which a terminal gets as text only. */
#include "common/io.h"
#include "common/text.h"
#include "ctl/ctl.h"

#include <string.h>
#include <unistd.h>

int ctl_logs(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf text = {0}, shown = {0};
    bool vmm = false, raw = !isatty(STDOUT_FILENO);
    for (char **arg = argv + 1; *arg; arg++) {
        if (strcmp(*arg, "--vmm") == 0)
            vmm = true;
        else if (strcmp(*arg, "--raw") == 0)
            raw = true;
        else
            return err_set(err, "logs: use it as: logs [--vmm] [--raw]");
    }
    if (ctl_ask(id, vmm ? PROTO_VMM_LOGS : PROTO_LOGS, &text, err) < 0)
        return -1;
    if (!raw)
        text_show_lines(&shown, text.data, text.len);
    if (buf_failed(&shown))
        return err_set(err, "out of memory");
    const struct buf *out = raw ? &text : &shown;
    return io_write_all(STDOUT_FILENO, out->data, out->len) < 0 ? err_sys(err, "cannot write") : 0;
}
