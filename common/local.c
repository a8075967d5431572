#include "common/local.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NAME "/control"
enum { BACKLOG = 16 };

static int make_address(const char *folder, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    _Static_assert(LOCAL_PATH + sizeof(NAME) - 1 <= sizeof(a->sun_path), "a socket's path is at most that long");
    if (strlen(folder) < LOCAL_PATH) {
        snprintf(a->sun_path, sizeof(a->sun_path), "%.*s" NAME, LOCAL_PATH - 1, folder);
        return 0;
    }
    errno = ENAMETOOLONG;
    return -1;
}

int local_listen(const char *folder)
{
    struct sockaddr_un a;
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || make_address(folder, &a) < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        chmod(a.sun_path, 0600) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return steal_fd(&fd);
}

bool local_is_root(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == 0;
}

int local_connect(const char *folder, pid_t *pid)
{
    struct sockaddr_un a;
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || make_address(folder, &a) < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -1;
    if (peer.uid != 0) { /* the listener's user when it began to listen, before entry gave root up */
        errno = EPERM;
        return -1;
    }
    if (pid)
        *pid = peer.pid;
    return steal_fd(&fd);
}

int local_list(void (*found)(void *arg, const char *id), void *arg)
{
    DIR *dir = opendir(LOCAL_DIR);
    if (!dir)
        return errno == ENOENT ? 0 : -1;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            found(arg, e->d_name);
    closedir(dir);
    return 0;
}
