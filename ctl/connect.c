#include "common/cleanup.h"
#include "common/io.h"
#include "common/local.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct found {
    int fd;
    char ids[512];
    unsigned count;
};

/* A VM counts when its entry is in a PID namespace that we see: with host networking other containers' are
 * in the list too. */
static void consider(void *arg, const char *id)
{
    struct found *f = arg;
    pid_t pid = 0;
    cleanup_close int fd = local_connect(id, &pid);
    if (fd < 0 || pid == 0)
        return;
    size_t used = strlen(f->ids);
    snprintf(f->ids + used, sizeof(f->ids) - used, " %s", id);
    if (f->count++ == 0)
        f->fd = steal_fd(&fd);
}

int ctl_connect(const char *id, struct err *err)
{
    if (id) {
        int fd = local_connect(id, NULL);
        return fd < 0 ? err_sys(err, "--id %s: cannot reach that VM", id) : fd;
    }
    struct found f = {.fd = -1};
    local_list(consider, &f);
    if (f.count == 1)
        return f.fd;
    if (f.fd >= 0)
        close(f.fd);
    if (f.count > 1)
        return err_set(err, "several VMs run here; say which with --id:%s", f.ids);
    return err_set(err, "no VM runs here");
}

int ctl_ask(const char *id, enum proto_type type, struct buf *out, struct err *err)
{
    cleanup_close int fd = ctl_connect(id, err);
    if (fd < 0)
        return -1;
    cleanup_buf struct buf request = {0}, answer = {0};
    proto_put(&request, type, NULL, 0, NULL, 0);
    /* When it was refused at once, reading says so. */
    if (buf_failed(&request) || (send(fd, request.data, request.len, MSG_NOSIGNAL) < 0 && errno != EPIPE))
        return err_sys(err, "cannot ask the VM");
    struct proto_msg msg;
    int got;
    while ((got = proto_get(&answer, &msg)) == 0) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, "the VM's entry closed the connection: only root and its own user may ask");
        buf_add(&answer, chunk, (size_t)n);
    }
    if (got < 0 || msg.type != PROTO_TEXT)
        return err_set(err, "the VM's entry gave an answer that is none");
    buf_add(out, msg.payload, msg.len);
    return 0;
}
