#include "common/io.h"
#include "common/text.h"
#include "ctl/ctl.h"

#include <unistd.h>

int ctl_print(const struct buf *text, bool raw, struct err *err)
{
    cleanup_buf struct buf shown = {0};
    bool as_it_is = raw || !isatty(STDOUT_FILENO);
    if (!as_it_is)
        text_show_lines(&shown, text->data, text->len);
    if (buf_failed(&shown))
        return err_set(err, "out of memory");
    const struct buf *out = as_it_is ? text : &shown;
    return io_write_all(STDOUT_FILENO, out->data, out->len) < 0 ? err_sys(err, "cannot write") : 0;
}
