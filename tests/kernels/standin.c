/* standin: entry's end of the guest channel, played inside the guest, where the machine has no vsock device
 * (QEMU without vhost).  The kernel's loopback transport takes guest-init's connections to the host, if
 * initcall_blacklist=virtio_vsock_init keeps the driver that would take them from registering.  A kernel of
 * modules needs the transport's before that, so the modules are loaded here and not by guest-init.
 *
 * It is rdinit, and guest-init PID 1 of a PID namespace below: so it outlives what guest-init kills at the
 * end, and does the reboot that a namespace's init can only ask for.  On the console go the bytes of the
 * command's stdout and stderr, and lines of what the control connection says:
 *
 *     standin started MS      from guest-init's first instruction to the command, with all that the kernel does for it
 *     standin exited CODE     acknowledged when all output has come, so that guest-init ends the VM
 *     standin failed CODE: TEXT
 */
#include "common/buf.h"
#include "common/io.h"
#include "common/proto.h"
#include "guest-init/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
/* behind sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

enum { CONNECTIONS = 8 };

struct host {
    struct buf in; /* of the control connection */
    int count;
    struct pollfd fds[1 + CONNECTIONS]; /* [0] listens */
    enum proto_kind kinds[1 + CONNECTIONS];
    bool ended[PROTO_KINDS]; /* an output of which PROTO_END has told the length: */
    uint32_t length[PROTO_KINDS], got[PROTO_KINDS];
    bool exited;
};

static void acknowledge(int fd)
{
    cleanup_buf struct buf out = {0};
    proto_put(&out, PROTO_ACK, (uint32_t[]){0}, 1, NULL, 0);
    io_write_all(fd, out.data, out.len);
}

/* The settings are in the initramfs, for whichever guest this is. */
static void tell_settings(int fd)
{
    cleanup_buf struct buf out = {0};
    size_t len = 0;
    char *settings = io_read_file(AT_FDCWD, "/var/settings", PROTO_SETTINGS_MAX, &len);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint32_t time[] = {(uint32_t)now.tv_sec, (uint32_t)((uint64_t)now.tv_sec >> 32), (uint32_t)now.tv_nsec};
    proto_put(&out, PROTO_SETTINGS, time, 3, settings, len);
    io_write_all(fd, out.data, out.len);
    free(settings);
}

static void hear(struct host *h, int fd, const struct proto_msg *msg)
{
    uint32_t value = 0, length = 0;
    size_t len;
    const char *text = (const char *)proto_data(msg, 2, &len);
    proto_field(msg, 1, &value);
    proto_field(msg, 2, &length);
    if (msg->type == PROTO_STARTED) {
        printf("standin started %u\n", value - length);
    } else if (msg->type == PROTO_END && value < PROTO_KINDS) {
        h->ended[value] = true;
        h->length[value] = length;
    } else if (msg->type == PROTO_EXITED) {
        printf("standin exited %u\n", value);
        h->exited = true;
    } else if (msg->type == PROTO_FAILED) {
        printf("standin failed %u: %.*s\n", value, (int)len, text);
        acknowledge(fd);
    }
}

/* What came on a connection; at its end: false. */
static bool serve(struct host *h, int fd, enum proto_kind kind)
{
    char block[4096];
    ssize_t n = read(fd, block, sizeof(block));
    if (n <= 0)
        return n < 0 && errno == EINTR;
    h->got[kind] += (uint32_t)n;
    if (kind != PROTO_CONTROL)
        return io_write_all(STDOUT_FILENO, block, (size_t)n) == 0;
    buf_add(&h->in, block, (size_t)n);
    struct proto_msg msg;
    while (proto_get(&h->in, &msg) == 1) {
        hear(h, fd, &msg);
        buf_drop(&h->in, PROTO_HEADER + msg.len);
    }
    return true;
}

static void accept_one(struct host *h)
{
    uint8_t hello[PROTO_HELLO];
    uint32_t session;
    int fd = accept(h->fds[0].fd, NULL, NULL);
    if (io_read_full(fd, hello, sizeof(hello)) != sizeof(hello) ||
        proto_hello_parse(hello, &h->kinds[h->count], &session) < 0) {
        printf("standin failed: a connection without a hello\n");
        close(fd);
        return;
    }
    if (h->kinds[h->count] == PROTO_CONTROL)
        tell_settings(fd);
    h->fds[h->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static bool whole(const struct host *h, enum proto_kind kind)
{
    return h->ended[kind] && h->got[kind] == h->length[kind];
}

/* Until guest-init, process init, has ended. */
static void answer(int listener, pid_t init)
{
    struct host h = {.count = 1, .fds = {{.fd = listener, .events = POLLIN}}};
    while (waitpid(init, NULL, WNOHANG) == 0) {
        poll(h.fds, (nfds_t)h.count, 100);
        for (int i = 1; i < h.count; i++) {
            if (h.fds[i].fd >= 0 && h.fds[i].revents && !serve(&h, h.fds[i].fd, h.kinds[i])) {
                close(h.fds[i].fd);
                h.fds[i].fd = -1;
            }
            if (h.fds[i].fd >= 0 && h.kinds[i] == PROTO_CONTROL && h.exited && whole(&h, PROTO_STDOUT) &&
                whole(&h, PROTO_STDERR)) {
                acknowledge(h.fds[i].fd);
                h.exited = false;
            }
        }
        if (h.fds[0].revents && h.count <= CONNECTIONS)
            accept_one(&h);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct err err = {0};
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PROTO_PORT};
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (modules_load(&err) < 0)
        printf("standin failed: %s\n", err.text);
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
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
