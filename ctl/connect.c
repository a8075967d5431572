#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/local.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum { STATE_MAX = 256 * 1024 };

struct found {
    int fd;
    char ids[512];
    unsigned count;
};

/* A VM counts if it can be reached: a dead VM's directory stays until the next start. */
static void consider(void *arg, const char *id)
{
    struct found *f = arg;
    char folder[sizeof(LOCAL_DIR) + 256];
    snprintf(folder, sizeof(folder), LOCAL_DIR "/%.255s", id);
    cleanup_close int fd = local_connect(folder, NULL);
    if (fd < 0)
        return;
    size_t used = strlen(f->ids);
    snprintf(f->ids + used, sizeof(f->ids) - used, " %s", id);
    if (f->count++ == 0)
        f->fd = steal_fd(&fd);
}

static int connect_by_id(const char *id, struct err *err)
{
    char folder[LOCAL_PATH];
    if (strchr(id, '/') || id[0] == '.' || snprintf(folder, sizeof(folder), LOCAL_DIR "/%s", id) >= LOCAL_PATH)
        return err_set(err, "--id %s: not a VM id", id);
    int fd = local_connect(folder, NULL);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return err_set(err, "--id %s: no VM with that id is running here", id);
    err_sys(err, "--id %s: cannot reach that VM", id);
    if (errno == EACCES)
        err_hint(err, "only root may connect");
    return -1;
}

int ctl_connect(const char *id, struct err *err)
{
    if (id)
        return connect_by_id(id, err);
    struct found f = {.fd = -1};
    if (local_list(consider, &f) < 0) {
        err_sys(err, "cannot look for VMs in " LOCAL_DIR);
        if (errno == EACCES)
            err_hint(err, "only root may connect");
        return -1;
    }
    if (f.count == 1)
        return f.fd;
    if (f.fd >= 0)
        close(f.fd);
    if (f.count > 1)
        return err_set(err, "several VMs are running here; choose one with --id:%s", f.ids);
    return err_set(err, "no VM is running here");
}

char *ctl_state(const char *id, size_t *len)
{
    char folder[sizeof(LOCAL_DIR) + 256], path[sizeof(folder) + sizeof("/state.json")];
    snprintf(folder, sizeof(folder), LOCAL_DIR "/%.255s", id);
    snprintf(path, sizeof(path), "%s/state.json", folder);
    cleanup_close int alive = local_connect(folder, NULL);
    return alive < 0 ? NULL : io_read_file(AT_FDCWD, path, STATE_MAX, len);
}

int ctl_ask(const char *id, enum proto_type type, enum proto_form form, bool last, struct buf *out, struct err *err)
{
    cleanup_close int fd = ctl_connect(id, err);
    if (fd < 0 || (last && confine_client(err) < 0))
        return -1;
    cleanup_buf struct buf request = {0}, answer = {0};
    proto_put(&request, type, &(uint32_t){form}, 1, NULL, 0);
    /* When it was refused at once, reading says so. */
    if (buf_failed(&request) || (send(fd, request.data, request.len, MSG_NOSIGNAL) < 0 && errno != EPIPE))
        return err_sys(err, "cannot query the VM");
    struct proto_msg msg;
    int got;
    while ((got = proto_get(&answer, &msg)) == 0) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, "the VM's entry closed the connection: only root may connect");
        buf_add(&answer, chunk, (size_t)n);
    }
    if (got < 0 || msg.type != PROTO_TEXT)
        return err_set(err, "the VM's entry sent an invalid reply");
    buf_add(out, msg.payload, msg.len);
    return 0;
}
