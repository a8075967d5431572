/* What root in a guest may do to the guest channel.  The control connection is init's own; root takes a
 * copy of it from there (pidfd_getfd(2)) and writes into it beside init.
 *
 *     connect N        opens N connections, one after another, and keeps what it can
 *     hello            all hellos there are: malformed ones, strange sessions, second streams of session 0
 *     half N           N connections that say half a hello and then nothing
 *     flood SECONDS    well-formed messages without an end: unknown types, unknown sessions, payloads of
 *                      every kind, as large as they may be
 *     early            this command's exit, told before it ends, then its start once more
 *     endless          a message that is announced and never complete
 *     oversized        a message that is longer than any may be
 *     noise SECONDS    random bytes on stream connections, the command's own ones included */
#include "common/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* behind sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

static int connect_host(void)
{
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = PROTO_PORT};
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Of init's descriptors, the n-th that is a vsock connection; the first is control. */
static int take_from_init(int n)
{
    int init = (int)syscall(SYS_pidfd_open, 1, 0);
    for (int fd = 0; fd < 64; fd++) {
        struct sockaddr_vm a;
        socklen_t len = sizeof(a);
        int copy = (int)syscall(SYS_pidfd_getfd, init, fd, 0);
        if (copy >= 0 && getpeername(copy, (struct sockaddr *)&a, &len) == 0 && a.svm_family == AF_VSOCK && n-- == 0)
            return copy;
    }
    perror("no such connection in init");
    exit(1);
}

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void put(int fd, const void *data, size_t len)
{
    const char *p = data;
    for (ssize_t n; len > 0; p += n, len -= (size_t)n)
        if ((n = send(fd, p, len, MSG_NOSIGNAL)) < 0)
            return;
}

static void message(int fd, uint8_t type, uint32_t session, uint32_t value, uint32_t len)
{
    static uint8_t data[PROTO_HEADER + PROTO_MAX];
    uint32_t fields[] = {len, session, value};
    memset(data, 'x', sizeof(data));
    memcpy(data, &fields[0], 4);
    data[4] = type;
    memcpy(data + PROTO_HEADER, &fields[1], 8);
    put(fd, data, PROTO_HEADER + len);
}

static int do_connect(int count)
{
    int made = 0;
    for (int i = 0; i < count; i++) {
        int fd = connect_host();
        made += fd >= 0;
        if (fd >= 0 && i % 2)
            close(fd);
    }
    printf("%s\n", made > 0 ? "connected" : "not once");
    return 0;
}

static int do_hello(void)
{
    static const uint32_t sessions[] = {0, 1, 0x7fffffff, 0xffffffff};
    for (int kind = 0; kind < 256; kind++) {
        uint8_t hello[PROTO_HELLO];
        proto_hello(hello, (enum proto_kind)kind, sessions[kind % 4]);
        hello[2] = (uint8_t)(kind % 3 ? PROTO_VERSION : kind);
        int fd = connect_host();
        put(fd, hello, sizeof(hello));
        put(fd, "and what nobody asked for", 25);
        close(fd);
    }
    return 0;
}

static int do_half(int count)
{
    for (int i = 0; i < count; i++)
        put(connect_host(), "cj\1", 3);
    return 0;
}

/* Init stands still meanwhile: what it has to say itself, such as its question for the time, would come in the middle
 * of one of these messages, which entry rightly calls malformed. */
static int do_flood(int seconds)
{
    int control = take_from_init(0);
    if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, 1, NULL, NULL) < 0 ||
        waitpid(1, NULL, __WALL) != 1) {
        perror("guest-hostile: stopping init");
        return 1;
    }
    static const uint32_t lengths[] = {0, 3, 4, 8, 12, 16, 1000, PROTO_MAX};
    for (time_t end = now() + seconds; now() < end;)
        for (int type = 0; type < 256; type++) {
            if (type == PROTO_EXITED || type == PROTO_FAILED || type == PROTO_END)
                message(control, (uint8_t)type, 0xdeadbeef, 3, 16); /* of session 0 they would be an end */
            else
                message(control, (uint8_t)type, type % 2 ? 0 : 0xdeadbeef, 7, lengths[type % 8]);
        }
    ptrace(PTRACE_DETACH, 1, NULL, NULL);
    return 0;
}

static int do_early(void)
{
    int control = take_from_init(0);
    message(control, PROTO_EXITED, 0, 33, 12);
    message(control, PROTO_STARTED, 0, 0, 8);
    message(control, PROTO_EXITED, 0, 44, 12);
    return 0;
}

static int do_announce(uint32_t len)
{
    int control = take_from_init(0);
    put(control, &len, sizeof(len));
    put(control, "\1", 1);
    puts("announced");
    fflush(stdout);
    pause();
    return 0;
}

static int do_noise(int seconds)
{
    char noise[4096];
    int random = open("/dev/urandom", O_RDONLY);
    for (time_t end = now() + seconds; now() < end;) {
        int fd = connect_host();
        if (read(random, noise, sizeof(noise)) == sizeof(noise))
            put(fd, noise, sizeof(noise));
        close(fd);
    }
    put(take_from_init(1), noise, sizeof(noise)); /* session 0's stdin, on which only the host writes */
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit files = {65536, 65536};
    const char *verb = argc > 1 ? argv[1] : "";
    int n = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    setrlimit(RLIMIT_NOFILE, &files);
    if (strcmp(verb, "connect") == 0)
        return do_connect(n);
    if (strcmp(verb, "hello") == 0)
        return do_hello();
    if (strcmp(verb, "half") == 0)
        return do_half(n);
    if (strcmp(verb, "flood") == 0)
        return do_flood(n);
    if (strcmp(verb, "early") == 0)
        return do_early();
    if (strcmp(verb, "endless") == 0)
        return do_announce(PROTO_MAX);
    if (strcmp(verb, "oversized") == 0)
        return do_announce(0xfffffff0);
    if (strcmp(verb, "noise") == 0)
        return do_noise(n);
    fprintf(stderr, "guest-hostile: unknown verb '%s'\n", verb);
    return 2;
}
