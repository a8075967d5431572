#include "entry/vmm/vmmlog.h"

#include "common/array.h"
#include "common/log.h"
#include "entry/vmm/console.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What Firecracker writes (1.12, src/vmm/src/devices/virtio/block/virtio/request.rs), and what it means.  The
 * first that matches counts. */
static const struct {
    const char *sign, *meaning;
} table[] = {
    {"No space left on device", "cannot write to the guest's disks: no space is left in VM_DATA_DIR or "
                                "VM_SCRATCH_DIR; the guest sees I/O errors"},
    {"Failed to execute Out virtio block request", "cannot write to the guest's disks; the guest sees I/O errors"},
};
enum { ROWS = COUNT(table) };

struct vmmlog {
    struct console *text;
    bool said[ROWS];
};

static void on_line(void *arg, const char *line)
{
    struct vmmlog *v = arg;
    size_t i = 0;
    while (i < ROWS && !strstr(line, table[i].sign))
        i++;
    if (i == ROWS || v->said[i])
        return;
    v->said[i] = true;
    log_error("%s", table[i].meaning);
}

struct vmmlog *vmmlog_new(struct loop *loop, int fd)
{
    struct vmmlog *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->text = console_new(loop, fd, "firecracker", on_line, v);
    if (v->text)
        return v;
    free(v);
    return NULL;
}

const char *vmmlog_text(struct vmmlog *v)
{
    console_drain(v->text);
    return console_text(v->text)->data;
}

void vmmlog_free(struct vmmlog *v)
{
    if (!v)
        return;
    console_free(v->text);
    free(v);
}
