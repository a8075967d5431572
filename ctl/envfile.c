/* --env-file, as docker reads it (docker/cli, pkg/kvfile): a variable a line, NAME=VALUE, or a NAME whose value is the
 * caller's; spaces before it, empty lines and lines with a # in front are skipped.  Quotes have no special meaning. */
#include "common/cleanup.h"
#include "common/io.h"
#include "ctl/runvm.h"

#include <fcntl.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

static int add_line(struct run_vm *r, const char *path, unsigned number, char *line, struct err *err)
{
    line[strcspn(line, "\r")] = '\0';
    line += strspn(line, " \t");
    if (!*line || *line == '#')
        return 0;
    size_t name = strcspn(line, "=");
    if (name == 0 || strcspn(line, " \t") < name)
        return err_set(err, "run: --env-file %s: line %u: is not NAME=VALUE", path, number);
    return run_add_variable(&r->files, "--env-file", line, err);
}

int run_env_file(struct run_vm *r, const char *path, struct err *err)
{
    size_t len = 0;
    cleanup_free char *text = io_read_file(AT_FDCWD, path, FILE_MAX, &len);
    if (!text)
        return err_sys(err, "run: --env-file %s: cannot read it", path);
    if (strlen(text) != len)
        return err_set(err, "run: --env-file %s: has a NUL", path);
    char *rest = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0), *line;
    for (unsigned number = 1; (line = strsep(&rest, "\n")); number++)
        if (add_line(r, path, number, line, err) < 0)
            return -1;
    return 0;
}
