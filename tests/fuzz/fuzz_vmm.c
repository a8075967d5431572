/* libFuzzer target: what Firecracker answers.  vmm_prepare and vmm_start speak to a real UNIX socket, and a thread at
 * its other end answers each request with the next piece of the input; a hostile or broken VMM may say anything, break
 * off anywhere, and end at any time.
 *
 * The input: a byte of flags, then the answers, a NUL between them.  When there are no more, the rest is answered as
 * Firecracker does when all is well; so is the first request, for its version, without a flag. */
#include "entry/vmm/vmm.h"
#include "tests/fuzz/check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FLAG_CLOSE = 1, FLAG_ENDED = 2, FLAG_ENDS = 4, FLAG_VERSION = 8, PATIENCE_MS = 20 };

/* The server's; set before its thread begins. */
static struct {
    int listener, stop; /* stop: an eventfd */
    int pid_fd;         /* readable: Firecracker has ended */
    uint8_t flags;
    bool asked; /* the request is a GET: for the version */
    const char *next, *end;
} server;

static int run_dir;

static void signal_end(int fd)
{
    uint64_t one = 1;
    CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
}

/* A whole request, head and body; false when the client has gone, or waits for more of the last answer. */
static bool take_request(int fd)
{
    char text[16384];
    size_t got = 0, want = SIZE_MAX;
    while (got < want) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, PATIENCE_MS) <= 0 || got + 1 >= sizeof(text))
            return false;
        ssize_t n = recv(fd, text + got, sizeof(text) - 1 - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
        text[got] = '\0';
        const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length: ");
        if (body)
            want = (size_t)(body + 4 - text) + (length && length < body ? strtoul(length + 18, NULL, 10) : 0);
    }
    server.asked = text[0] == 'G';
    return true;
}

static void answer(int fd)
{
    static const char well[] = "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
    static const char version[] = "HTTP/1.1 200 \r\nContent-Length: 32\r\n\r\n{\"firecracker_version\":\"1.12.1\"}";
    const char *text = server.asked ? version : well;
    size_t len = strlen(text);
    if (server.next < server.end && (!server.asked || server.flags & FLAG_VERSION)) {
        text = server.next;
        const char *nul = memchr(text, '\0', (size_t)(server.end - text));
        len = (size_t)((nul ? nul : server.end) - text);
        server.next += len + 1;
        if (server.flags & FLAG_ENDS && server.next >= server.end)
            signal_end(server.pid_fd);
    }
    (void)!send(fd, text, len, MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
    struct pollfd p[] = {{.fd = server.listener, .events = POLLIN}, {.fd = server.stop, .events = POLLIN}};
    (void)arg;
    for (;;) {
        if (poll(p, 2, -1) < 0 || p[1].revents)
            return NULL;
        int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);
        while (fd >= 0 && take_request(fd)) {
            answer(fd);
            if (server.flags & FLAG_CLOSE)
                break;
        }
        close(fd);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    static const char dir[] = "build/fuzz/vmm.files";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", dir);
    mkdir(dir, 0755);
    unlink(address.sun_path);
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(server.listener, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(server.listener, 16) == 0);
    run_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(run_dir >= 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmm_plan plan = {.vsock = "/run/v.sock",
                                         .kernel = "/kernel",
                                         .initrd = "/initrd",
                                         .vcpus = 1,
                                         .mem_mib = 128,
                                         .boot_args = "quiet",
                                         .metrics = "/firecracker.metrics",
                                         .drives = {{"root", true}, {"data", false}},
                                         .drive_count = 2,
                                         .drive_limit = {1 << 20, 100},
                                         .nics = {{"ctr0", "06:00:00:00:00:01"}},
                                         .nic_count = 1};
    pthread_t thread;
    struct err err = {0};
    server.flags = size > 0 ? data[0] : 0;
    server.next = (const char *)data + (size > 0);
    server.end = (const char *)data + size;
    server.stop = eventfd(0, EFD_CLOEXEC);
    server.pid_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(server.stop >= 0 && server.pid_fd >= 0);
    if (server.flags & FLAG_ENDED)
        signal_end(server.pid_fd);
    CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
    struct vmm *vmm = vmm_open(run_dir, "api.sock", server.pid_fd);
    CHECK(vmm);
    int r = vmm_prepare(vmm, &plan, &err);
    if (r == 0)
        r = vmm_start(vmm, &plan, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    vmm_close(vmm);
    signal_end(server.stop);
    pthread_join(thread, NULL);
    close(server.stop);
    close(server.pid_fd);
    return 0;
}
