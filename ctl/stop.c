#include "ctl/stop.h"
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "ctl/args.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { DEFAULT_SECONDS = 7 };

int stop_vm(const char *id, uint64_t seconds, struct err *err)
{
    cleanup_close int fd = ctl_connect(id, err);
    if (fd < 0 || confine_client(err) < 0)
        return -1;
    uint32_t field = (uint32_t)seconds;
    cleanup_buf struct buf request = {0};
    proto_put(&request, PROTO_STOP, &field, 1, NULL, 0);
    /* When it was refused at once, reading says so. */
    if (buf_failed(&request) || (send(fd, request.data, request.len, MSG_NOSIGNAL) < 0 && errno != EPIPE))
        return err_sys(err, "cannot query the VM");
    uint8_t answer[PROTO_HEADER];
    if (io_read_full(fd, answer, sizeof(answer)) != sizeof(answer) || answer[4] != PROTO_TEXT)
        return err_set(err, "the VM's entry closed the connection: only root may connect");
    char c;
    ssize_t n;
    while ((n = read(fd, &c, 1)) > 0 || (n < 0 && errno == EINTR))
        ; /* the VM sends nothing more; the connection ends with the VM */
    return 0;
}

int ctl_stop(const char *id, char **argv, struct err *err)
{
    uint64_t seconds = DEFAULT_SECONDS;
    bool wrong = false;
    for (char **arg = argv + 1; *arg && !wrong; arg++) {
        const char *value;
        if ((value = args_value(&arg, "-t")) || (value = args_value(&arg, "--time")))
            wrong = args_seconds(value, &seconds) < 0;
        else if (**arg == '-' || id)
            wrong = true;
        else
            id = *arg;
    }
    return wrong ? err_set(err, "stop: usage: stop [-t SECONDS] [ID]") : stop_vm(id, seconds, err);
}
