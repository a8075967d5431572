/* /proc/net shows a socket's inode, and /proc/<pid>/fd shows which process has it open (proc(5)). */
#include "netsetup/holder.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAX = 16 << 20, TCP_LISTEN = 10 };

static unsigned long inode_in(const char *path, bool udp, unsigned port)
{
    char *rest = NULL;
    cleanup_free char *table = io_read_file(AT_FDCWD, path, TABLE_MAX, NULL);
    for (char *line = table ? strtok_r(table, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
        unsigned local, state;
        unsigned long inode;
        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*u %*u %lu", &local, &state, &inode) == 3 &&
            local == port && (udp || state == TCP_LISTEN))
            return inode;
    }
    return 0;
}

static bool has_open(const char *pid, const char *want)
{
    char path[64], target[64];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e && !found; e = readdir(dir)) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        found = strcmp(target, want) == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}

static void describe(const char *pid, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    cleanup_free char *comm = io_read_file(AT_FDCWD, path, 64, NULL);
    if (comm)
        comm[strcspn(comm, "\n")] = '\0';
    snprintf(text, size, "%s, pid %s", comm ? comm : "a process", pid);
}

bool holder_find(bool udp, bool ipv6, unsigned port, char *text, size_t size)
{
    char want[48];
    bool found = false;
    unsigned long inode = ipv6 ? 0 : inode_in(udp ? "/proc/net/udp" : "/proc/net/tcp", udp, port);
    if (!inode)
        inode = inode_in(udp ? "/proc/net/udp6" : "/proc/net/tcp6", udp, port);
    snprintf(want, sizeof(want), "socket:[%lu]", inode);
    DIR *dir = inode ? opendir("/proc") : NULL;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e && !found; e = readdir(dir))
        if (isdigit((unsigned char)e->d_name[0]) && has_open(e->d_name, want)) {
            describe(e->d_name, text, size);
            found = true;
        }
    if (dir)
        closedir(dir);
    return found;
}
