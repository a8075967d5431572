#include "netsetup/watcher.h"
#include "common/cancel.h"
#include "common/descriptors.h"
#include "common/privilege.h"
#include "common/process.h"
#include "common/sandbox.h"
#include "netsetup/nl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SETTLE = 100 /* ms without news */ };

static bool read_news(const struct watcher *w, struct mnl_socket *news)
{
    char buf[NL_BUF];
    ssize_t n = mnl_socket_recvfrom(news, buf, sizeof(buf));
    int left = (int)n;
    bool any = n < 0 && errno == ENOBUFS; /* some were lost */
    for (struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)buf; n > 0 && mnl_nlmsg_ok(nlh, left);
         nlh = mnl_nlmsg_next(nlh, &left))
        any |= !w->matters || w->matters(w->data, nlh);
    return any;
}

static void watch(const struct watcher *w, struct mnl_socket *news, int life)
{
    struct pollfd p[] = {{.fd = life, .events = POLLIN}, {.fd = mnl_socket_get_fd(news), .events = POLLIN}};
    bool pending = true; /* for changes before the subscription */
    int until_look = -1;
    for (;;) {
        int n = poll(p, 2, pending ? SETTLE : until_look);
        if (n < 0 && errno != EINTR)
            _exit(1);
        if (p[0].revents)
            _exit(0);
        if (n > 0 && p[1].revents)
            pending |= read_news(w, news);
        if (n != 0)
            continue;
        if (pending)
            w->update(w->data);
        pending = false;
        if (w->look)
            until_look = w->look(w->data);
    }
}

/* In the child.  It writes only messages, and closes stdout, so that no reader of stdout waits for it. */
static void become_watcher(const struct watcher *w, struct mnl_socket *news, int life)
{
    const int quiet[] = {STDIN_FILENO, STDOUT_FILENO};
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, life, mnl_socket_get_fd(news)};
    prctl(PR_SET_NAME, "netsetup-watch");
    if (descriptors_blank(quiet, 2) < 0 || descriptors_keep(kept, sizeof(kept) / sizeof(*kept)) < 0)
        _exit(1);
    cancel_by(-1); /* the parent's descriptor is closed, and another may get its number */
    if (privilege_keep(w->rights) < 0 || sandbox_enter(SANDBOX_WATCH, NULL) < 0)
        _exit(1);
    watch(w, news, life);
}

int watcher_start(const struct watcher *w, int *life, struct err *err)
{
    int ends[2], pid_fd = -1;
    struct mnl_socket *news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!news || mnl_socket_bind(news, w->groups, MNL_SOCKET_AUTOPID) < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        err_sys(err, "cannot watch for changes of the network");
    } else {
        pid_t pid = process_fork(&pid_fd);
        if (!pid) {
            close(ends[1]);
            become_watcher(w, news, ends[0]);
        }
        close(ends[0]);
        *life = ends[1];
        if (pid < 0) {
            err_sys(err, "cannot watch for changes of the network");
            close(ends[1]);
            *life = -1;
        }
    }
    if (news)
        mnl_socket_close(news);
    return pid_fd;
}
