#include "netsetup/tool.h"

#include "common/run.h"

#include <string.h>

int tool_run(const char *const argv[], const char *input, struct buf *out, struct err *err)
{
    cleanup_buf struct buf complaints = {0};
    int status = run_program(argv, input, input ? strlen(input) : 0, out, &complaints, err);
    if (status <= 0)
        return status;
    const char *line = run_first_line(&complaints);
    return err_set(err, "%s failed: %s", argv[0], *line ? line : "it did not say why");
}
