#include "guest-init/host.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <sys/socket.h>
#include <sys/time.h>
/* after sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

/* A connection waits only if the host is busy or paused.  The kernel's own timeout is 2 s
 * (VSOCK_DEFAULT_CONNECT_TIMEOUT of net/vmw_vsock/af_vsock.c); entry decides how long a boot may take. */
static const struct timeval patience = {.tv_sec = 3600};

int host_connect(enum proto_kind kind, uint32_t session, struct err *err)
{
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = PROTO_PORT};
    uint8_t hello[PROTO_HELLO];
    proto_hello(hello, kind, session);
    cleanup_close int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience));
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || io_write_all(fd, hello, sizeof(hello)) < 0)
        return err_sys(err, "cannot reach the host over vsock");
    return steal_fd(&fd);
}
