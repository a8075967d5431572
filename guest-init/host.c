#include "guest-init/host.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <sys/socket.h>
/* behind sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

int host_connect(enum proto_kind kind, uint32_t session, struct err *err)
{
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = PROTO_PORT};
    uint8_t hello[PROTO_HELLO];
    proto_hello(hello, kind, session);
    cleanup_close int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || io_write_all(fd, hello, sizeof(hello)) < 0)
        return err_sys(err, "cannot reach the host over vsock");
    return steal_fd(&fd);
}
