/* A device is gone for every process once the kernel has taken it off its lists, a few ms after the request.  But the
 * kernel answers only after it has freed the device, too, which waits until no CPU can still be using the device
 * (netdev_run_todo's rcu_barrier: 15-30 ms).  So a thread waits for the answer, while we wait for the notification of
 * the deletion, which the kernel sends while it holds the lock (RTNL) that all changes of devices and addresses take.
 */
#include "common/cleanup.h"
#include "netsetup/link.h"
#include "netsetup/nl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct job {
    unsigned ifindex;
    int report; /* owned; gets the deletion's errno, or 0 */
};

/* May outlive those who wait, and shares nothing with them. */
static void *delete_device(void *arg)
{
    struct job *job = arg;
    int result = link_delete(job->ifindex) < 0 ? errno : 0;
    send(job->report, &result, sizeof(result), MSG_NOSIGNAL);
    close(job->report);
    free(job);
    return NULL;
}

static int start_deletion(unsigned ifindex, int report)
{
    pthread_t thread;
    struct job *job = malloc(sizeof(*job));
    if (!job)
        return -1;
    *job = (struct job){ifindex, report};
    if (pthread_create(&thread, NULL, delete_device, job) != 0) {
        free(job);
        return -1;
    }
    pthread_detach(thread);
    return 0;
}

static void end(struct link_deletion *d)
{
    if (d->news)
        mnl_socket_close(d->news);
    if (d->report >= 0)
        close(d->report);
    *d = (struct link_deletion)LINK_DELETION_NONE;
}

int link_delete_start(unsigned ifindex, struct link_deletion *d)
{
    int ends[2];
    *d = (struct link_deletion){.ifindex = ifindex, .report = -1};
    d->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (d->news && mnl_socket_bind(d->news, RTMGRP_LINK, MNL_SOCKET_AUTOPID) >= 0 &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        d->report = ends[0];
        if (start_deletion(ifindex, ends[1]) == 0)
            return 0;
        close(ends[1]);
    }
    end(d);
    return link_delete(ifindex);
}

/* Whether the notification reports our device's end: 1 or 0; -1 if some were lost. */
static int read_news(const struct link_deletion *d)
{
    char buf[NL_BUF];
    ssize_t n = mnl_socket_recvfrom(d->news, buf, sizeof(buf));
    int left = (int)n, gone = 0;
    if (n < 0)
        return errno == EINTR ? 0 : -1;
    for (struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)buf; mnl_nlmsg_ok(nlh, left);
         nlh = mnl_nlmsg_next(nlh, &left)) {
        const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
        /* Bridges have news of their own about their ports, of the family AF_BRIDGE. */
        if (nlh->nlmsg_type == RTM_DELLINK && ifi->ifi_family == AF_UNSPEC && (unsigned)ifi->ifi_index == d->ifindex)
            gone = 1;
    }
    return gone;
}

static int read_report(const struct link_deletion *d)
{
    int result;
    errno = recv(d->report, &result, sizeof(result), 0) == sizeof(result) ? result : EIO;
    return errno ? -1 : 0;
}

static int wait_for(const struct link_deletion *d)
{
    struct link_info info;
    struct pollfd p[] = {{.fd = d->report, .events = POLLIN}, {.fd = mnl_socket_get_fd(d->news), .events = POLLIN}};
    for (int gone = 0; gone <= 0;) {
        if (poll(p, 2, -1) < 0) {
            if (errno != EINTR)
                return -1;
            continue;
        }
        if (p[0].revents)
            return read_report(d);
        if (p[1].revents)
            gone = read_news(d);
        if (gone < 0)
            p[1].fd = -1; /* poll() ignores it from now on: the report will come */
    }
    /* The kernel answers this once the lock is free; by then the device's addresses, routes and name are free too. */
    return link_find_index(d->ifindex, &info) < 0 && errno == ENODEV ? 0 : read_report(d);
}

int link_delete_wait(struct link_deletion *d)
{
    int r = d->report < 0 ? 0 : wait_for(d), saved = errno;
    end(d);
    errno = saved;
    return r;
}
