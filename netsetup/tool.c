#include "netsetup/tool.h"

#include <string.h>

int tool_finish(struct run *run, const char *name, struct buf *out, struct err *err)
{
    cleanup_buf struct buf complaints = {0};
    int status = run_finish(run, out, &complaints, err);
    if (status <= 0)
        return status;
    const char *line = run_first_line(&complaints);
    return err_set(err, "%s failed: %s", name, *line ? line : "it did not say why");
}

int tool_run(const char *const argv[], const char *input, struct buf *out, struct err *err)
{
    struct run run;
    if (run_start(&run, argv, false, err) < 0)
        return -1;
    run_feed(&run, input, input ? strlen(input) : 0);
    return tool_finish(&run, argv[0], out, err);
}
