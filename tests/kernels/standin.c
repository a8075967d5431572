/* standin: entry's end of the guest channel, played inside the guest, where the machine has no vsock device
 * (QEMU without vhost).  The kernel's loopback transport takes guest-init's connections to the host, if
 * initcall_blacklist=virtio_vsock_init keeps the driver that would take them from registering.
 *
 * It is rdinit, and guest-init PID 1 of a PID namespace below: so it outlives what guest-init kills at the
 * end, and does the reboot that a namespace's init can only ask for.  On the console go the bytes of the
 * command's stdout and stderr, and lines of what the control connection says:
 *
 *     standin started
 *     standin exited CODE     acknowledged, so that guest-init ends the VM
 *     standin failed CODE: TEXT
 */
#include "common/buf.h"
#include "common/io.h"
#include "common/proto.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
/* behind sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

enum { CONNECTIONS = 8 };

static void hear(int fd, const struct proto_msg *msg)
{
    uint32_t code = 0;
    size_t len;
    const char *text = (const char *)proto_data(msg, 2, &len);
    proto_field(msg, 1, &code);
    if (msg->type == PROTO_STARTED)
        printf("standin started\n");
    else if (msg->type == PROTO_EXITED)
        printf("standin exited %u\n", code);
    else if (msg->type == PROTO_FAILED)
        printf("standin failed %u: %.*s\n", code, (int)len, text);
    if (msg->type != PROTO_STARTED) {
        cleanup_buf struct buf out = {0};
        proto_put(&out, PROTO_ACK, (uint32_t[]){0}, 1, NULL, 0);
        io_write_all(fd, out.data, out.len);
    }
}

/* What came on a connection, at its end: false. */
static bool serve(int fd, enum proto_kind kind, struct buf *in)
{
    char block[4096];
    ssize_t n = read(fd, block, sizeof(block));
    if (n <= 0)
        return n < 0 && errno == EINTR;
    if (kind != PROTO_CONTROL)
        return io_write_all(STDOUT_FILENO, block, (size_t)n) == 0;
    buf_add(in, block, (size_t)n);
    struct proto_msg msg;
    while (proto_get(in, &msg) == 1) {
        hear(fd, &msg);
        buf_drop(in, PROTO_HEADER + msg.len);
    }
    return true;
}

/* Until guest-init, process init, has ended. */
static void answer(int listener, pid_t init)
{
    struct pollfd fds[1 + CONNECTIONS] = {{.fd = listener, .events = POLLIN}};
    enum proto_kind kinds[1 + CONNECTIONS] = {0};
    struct buf control = {0};
    int count = 1;
    while (waitpid(init, NULL, WNOHANG) == 0) {
        poll(fds, (nfds_t)count, 100);
        for (int i = 1; i < count; i++)
            if (fds[i].fd >= 0 && fds[i].revents && !serve(fds[i].fd, kinds[i], &control)) {
                close(fds[i].fd);
                fds[i].fd = -1;
            }
        if (fds[0].revents && count <= CONNECTIONS) {
            uint8_t hello[PROTO_HELLO];
            uint32_t session;
            int fd = accept(listener, NULL, NULL);
            if (io_read_full(fd, hello, sizeof(hello)) != sizeof(hello) ||
                proto_hello_parse(hello, &kinds[count], &session) < 0) {
                printf("standin failed: a connection without a hello\n");
                close(fd);
                continue;
            }
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PROTO_PORT};
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, CONNECTIONS) < 0)
        printf("standin failed: cannot listen: %s\n", strerror(errno));
    pid_t init = unshare(CLONE_NEWPID) < 0 ? -1 : fork();
    if (init == 0) {
        execv("/sbin/init", argv);
        printf("standin failed: /sbin/init: %s\n", strerror(errno));
        return 1;
    }
    answer(listener, init);
    tcdrain(STDOUT_FILENO); /* what the UART has not sent is lost when the VM ends */
    reboot(RB_AUTOBOOT);
    return 1;
}
