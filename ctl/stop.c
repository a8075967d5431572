#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/num.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { DEFAULT_SECONDS = 7 };

int ctl_stop(const char *id, char **argv, struct err *err)
{
    uint64_t seconds = DEFAULT_SECONDS;
    if (argv[1] && (strcmp(argv[1], "-t") != 0 || !argv[2] || argv[3] || num_parse(argv[2], 0, 86400, &seconds) < 0))
        return err_set(err, "stop: use it as: stop [-t SECONDS]");
    cleanup_close int fd = ctl_connect(id, err);
    if (fd < 0 || confine_client(err) < 0)
        return -1;
    uint32_t field = (uint32_t)seconds;
    cleanup_buf struct buf request = {0};
    proto_put(&request, PROTO_STOP, &field, 1, NULL, 0);
    /* When it was refused at once, reading says so. */
    if (buf_failed(&request) || (send(fd, request.data, request.len, MSG_NOSIGNAL) < 0 && errno != EPIPE))
        return err_sys(err, "cannot ask the VM");
    uint8_t answer[PROTO_HEADER];
    if (io_read_full(fd, answer, sizeof(answer)) != sizeof(answer) || answer[4] != PROTO_TEXT)
        return err_set(err, "the VM's entry closed the connection: only root may ask");
    char c;
    ssize_t n;
    while ((n = read(fd, &c, 1)) > 0 || (n < 0 && errno == EINTR))
        ; /* it says nothing more; the connection ends with it */
    return 0;
}
