#include "common/local.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PREFIX "@ctr-jailer/"
#define SUFFIX "/control"
enum { ID_MAX = 64, BACKLOG = 16 };

static socklen_t make_address(const char *id, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(a->sun_path, sizeof(a->sun_path), PREFIX "%.*s" SUFFIX, ID_MAX, id);
    a->sun_path[0] = '\0'; /* the @ of people and of /proc/net/unix */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
}

int local_listen(const char *id)
{
    struct sockaddr_un a;
    socklen_t len = make_address(id, &a);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return steal_fd(&fd);
}

int local_accept(int listener)
{
    cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || (peer.uid != 0 && peer.uid != geteuid()))
        return -1;
    return steal_fd(&fd);
}

int local_connect(const char *id, pid_t *pid)
{
    struct sockaddr_un a;
    socklen_t len = make_address(id, &a);
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -1;
    if (peer.uid != 0 && peer.uid != geteuid()) { /* anybody may take a name */
        errno = EPERM;
        return -1;
    }
    if (pid)
        *pid = peer.pid;
    return steal_fd(&fd);
}

void local_list(void (*found)(void *arg, const char *id), void *arg)
{
    cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/net/unix", (size_t)16 << 20, NULL);
    char *rest = text;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        char *name = strstr(line, PREFIX), *end = name ? strstr(name, SUFFIX) : NULL;
        /* Listening sockets only (flag __SO_ACCEPTCON): connections have the name too. */
        if (!end || end[strlen(SUFFIX)] || !strstr(line, " 00010000 "))
            continue;
        *end = '\0';
        found(arg, name + strlen(PREFIX));
    }
}
