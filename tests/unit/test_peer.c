/* The control connection: one descriptor can come along with a message, however many are sent; how a connection is
 * lost; and the message that is put ahead of those that wait. */
#include "common/passfd.h"
#include "common/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { FDS_MAX = 253 /* the kernel's SCM_MAX_FD */ };

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

struct rig {
    struct peer peer; /* first: a peer is its rig */
    unsigned messages;
    bool done;
    int how;
};

static void on_message(struct peer *p, const struct proto_msg *msg)
{
    (void)msg;
    ((struct rig *)p)->messages++;
}

static void on_lost(struct peer *p, int how)
{
    struct rig *rig = (struct rig *)p;
    rig->done = true;
    rig->how = how;
}

/* One message and count descriptors; control is set by the call, as a hostile client would. */
static void send_with(int to, size_t count)
{
    static union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct buf text = {0};
    int fds[FDS_MAX];
    for (size_t i = 0; i < count; i++)
        assert_true((fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
    proto_put(&text, PROTO_STATUS, NULL, 0, NULL, 0);
    struct iovec iov = {.iov_base = text.data, .iov_len = text.len};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    control.header =
        (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
    memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
    assert_int_equal(sendmsg(to, &msg, 0), text.len);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    buf_free(&text);
}

static void one_descriptor_is_kept(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 10, FDS_MAX};
    if (syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS)
        skip(); /* qemu-user, which also keeps the descriptors that a message has no room for */
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        unsigned before = open_descriptors();
        struct rig rig = {0};
        struct loop *loop = loop_new();
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        peer_init(&rig.peer, loop, on_message, on_lost);
        assert_int_equal(peer_connect(&rig.peer, ends[0]), 0);
        for (int n = 0; n < 3; n++)
            send_with(ends[1], counts[i]);
        close(ends[1]);
        loop_run(loop, &rig.done);
        assert_int_equal(rig.messages, 3);
        assert_true(rig.peer.received >= 0);
        assert_int_equal(open_descriptors(), before + 1);
        peer_free(&rig.peer);
        loop_free(loop);
        assert_int_equal(open_descriptors(), before);
    }
}

static void one_passed_descriptor_is_kept(void **state)
{
    (void)state;
    if (syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS)
        skip(); /* as above */
    unsigned before = open_descriptors();
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    send_with(ends[1], 2);
    int fd = passfd_receive(ends[0]);
    assert_true(fd >= 0);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(open_descriptors(), before);
}

/* Code asks how a connection was lost, not what people are told about it. */
static void how_it_was_lost(void **state)
{
    (void)state;
    static const uint8_t too_long[PROTO_HEADER] = {0xff, 0xff, 0xff, 0xff};
    static const struct {
        size_t len;
        int how;
        const char *why;
    } ways[] = {{0, PEER_CLOSED, "closed"}, {sizeof(too_long), PEER_MALFORMED, "malformed message"}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct rig rig = {.how = ENOSYS};
        struct loop *loop = loop_new();
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        peer_init(&rig.peer, loop, on_message, on_lost);
        assert_int_equal(peer_connect(&rig.peer, ends[0]), 0);
        assert_int_equal(write(ends[1], too_long, ways[i].len), ways[i].len);
        if (ways[i].len == 0)
            close(ends[1]);
        loop_run(loop, &rig.done);
        assert_int_equal(rig.how, ways[i].how);
        assert_string_equal(peer_why(rig.how), ways[i].why);
        if (ways[i].len > 0)
            close(ends[1]);
        peer_free(&rig.peer);
        loop_free(loop);
    }
    assert_string_equal(peer_why(ECONNRESET), strerror(ECONNRESET));
}

/* More than a socket takes at once waits, and does not count: what is sent meanwhile waits behind it. */
static void the_first_message_goes_first(void **state)
{
    (void)state;
    enum { MUCH = PROTO_SETTINGS_MAX };
    static char much[MUCH], in[PROTO_HEADER + MUCH];
    const uint32_t none = 0;
    struct rig rig = {0};
    struct loop *loop = loop_new();
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    peer_init(&rig.peer, loop, on_message, on_lost);
    assert_int_equal(peer_send(&rig.peer, PROTO_SIGNAL, &none, 1, NULL, 0), 0);
    assert_int_equal(peer_send_first(&rig.peer, PROTO_SETTINGS, NULL, 0, much, MUCH), 0);
    assert_int_equal(peer_connect(&rig.peer, ends[0]), 0);
    assert_true(rig.peer.out.len > 4 * PROTO_MAX);
    assert_int_equal(peer_send(&rig.peer, PROTO_ACK, &none, 1, NULL, 0), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(peer_send(&rig.peer, PROTO_EXEC, NULL, 0, much, PROTO_MAX), 0);
    assert_int_equal(peer_send(&rig.peer, PROTO_EXEC, NULL, 0, much, PROTO_MAX), -1); /* these are bounded */

    static const struct {
        enum proto_type type;
        uint32_t len;
    } wanted[] = {{PROTO_SETTINGS, MUCH},  {PROTO_SIGNAL, 4},       {PROTO_ACK, 4},         {PROTO_EXEC, PROTO_MAX},
                  {PROTO_EXEC, PROTO_MAX}, {PROTO_EXEC, PROTO_MAX}, {PROTO_EXEC, PROTO_MAX}};
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        size_t have = 0, want = PROTO_HEADER + wanted[i].len;
        while (have < want) {
            ssize_t n = recv(ends[1], in + have, want - have, 0);
            have += n > 0 ? (size_t)n : 0;
            if (have < want)
                rig.peer.watch.ready(&rig.peer.watch, POLLOUT);
        }
        uint32_t len;
        assert_int_equal(proto_head((uint8_t *)in, &len), wanted[i].type);
        assert_int_equal(len, wanted[i].len);
    }
    assert_int_equal(rig.peer.out.len, 0);
    assert_int_equal(rig.peer.out.cap, 0); /* nor is the memory kept */
    close(ends[1]);
    peer_free(&rig.peer);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_descriptor_is_kept), cmocka_unit_test(one_passed_descriptor_is_kept),
        cmocka_unit_test(how_it_was_lost), cmocka_unit_test(the_first_message_goes_first)};
    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
