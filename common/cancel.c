#include "common/cancel.h"

#include <poll.h>

static int wish = -1;

void cancel_by(int fd)
{
    wish = fd;
}

int cancel_fd(void)
{
    return wish;
}

bool cancel_wanted(void)
{
    struct pollfd p = {.fd = wish, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

bool cancel_wait(int fd, int ms)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = wish, .events = POLLIN}};
    return poll(p, 2, ms) > 0 && p[0].revents;
}
