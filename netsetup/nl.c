/* A socket per conversation: opening one costs microseconds, and a conversation that failed half-way leaves
 * no answers behind for the next. */
#include "netsetup/nl.h"
#include "common/loop.h"
#include "common/units.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <time.h>

/* A dump is repeated for as long as iptables waits for its lock (fwrestore.c): each VM that starts or ends at the same
 * moment changes the tables several times, and hundreds may.  The pause lets them get on. */
enum { REPEAT_S = 60, PAUSE_MAX_MS = 20 };

struct nlmsghdr *nl_request(void *buf, uint16_t type, uint16_t flags, size_t extra, void *head)
{
    memset(buf, 0, MNL_NLMSG_HDRLEN + MNL_ALIGN(extra));
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_REQUEST | flags;
    nlh->nlmsg_seq = (uint32_t)time(NULL);
    *(void **)head = mnl_nlmsg_put_extra_header(nlh, extra);
    return nlh;
}

static int converse(struct mnl_socket *sock, struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
    char buf[NL_BUF];
    if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(sock, request, request->nlmsg_len) < 0)
        return -1;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(sock, buf, sizeof(buf));
        if (n < 0 && errno == EINTR) /* a signal; not to be taken for libmnl's EINTR below */
            continue;
        if (n < 0)
            return -1;
        int more = mnl_cb_run(buf, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(sock), cb, data);
        if (more <= 0)
            return more;
    }
}

static int call_once(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
    struct mnl_socket *sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
    if (!sock)
        return -1;
    int r = converse(sock, request, cb, data), saved = errno;
    mnl_socket_close(sock);
    errno = saved;
    return r;
}

int nl_dump(int bus, struct nlmsghdr *request, mnl_cb_t cb, void (*forget)(void *data), void *data)
{
    const uint64_t until = loop_now() + REPEAT_S * SECOND;
    for (int pause_ms = 1;; pause_ms += pause_ms < PAUSE_MAX_MS) {
        int r = call_once(bus, request, cb, data);
        /* libmnl's word for NLM_F_DUMP_INTR: the table changed under the dump. */
        if (r == 0 || errno != EINTR || loop_now() > until)
            return r;
        if (forget)
            forget(data);
        nanosleep(&(struct timespec){.tv_nsec = pause_ms * MILLISECOND}, NULL);
    }
}

int nl_call(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
    return nl_dump(bus, request, cb, NULL, data);
}

int nl_sort_attr(const struct nlattr *attr, void *attrs)
{
    const struct nl_attrs *a = attrs;
    if (mnl_attr_get_type(attr) <= a->max)
        a->out[mnl_attr_get_type(attr)] = attr;
    return MNL_CB_OK;
}

const char *nl_str(const struct nlattr *attr)
{
    return attr ? mnl_attr_get_str(attr) : "";
}
