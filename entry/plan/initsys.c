#include "entry/plan/initsys.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "entry/plan/intree.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

enum { RTMIN = 34 }; /* glibc's SIGRTMIN, which systemd counts from */

/* By the last part of a path.  Signals: systemd(1), busybox' init/init.c, openrc-init(8), runit(8), dinit(8),
 * s6-overlay's README; sysvinit's init(8) knows only the keys that restart a machine.  The small inits that containers
 * use (tini) also expect to be PID 1. */
static const struct initsys by_name[] = {
    {"systemd", RTMIN + 4},   {"busybox", SIGUSR2},     {"openrc-init", SIGTERM}, {"runit", SIGINT},
    {"runit-init", SIGINT},   {"dinit", SIGTERM},       {"s6-svscan", SIGTERM},   {"s6-linux-init", SIGTERM},
    {"tini", SIGTERM},        {"tini-static", SIGTERM}, {"dumb-init", SIGTERM},   {"catatonit", SIGTERM},
    {"docker-init", SIGTERM}, {"my_init", SIGTERM},
};

/* By the whole path: programs that are only known to be called init. */
static const struct {
    const char *path;
    struct initsys is;
} by_path[] = {
    {"/sbin/init", {"sysvinit", SIGINT}},
    {"/usr/sbin/init", {"sysvinit", SIGINT}},
    {"/bin/init", {"init", SIGTERM}},
    {"/init", {"init", SIGTERM}}, /* s6-overlay's */
};

/* Busybox has many other applets, so its name alone does not make it an init. */
static const struct initsys *find_name(const char *path, const char *command)
{
    const char *name = strrchr(path, '/');
    for (size_t i = 0; name && i < COUNT(by_name); i++)
        if (strcmp(name + 1, by_name[i].name) == 0)
            return strcmp(name, "/busybox") != 0 || strcmp(strrchr(command, '/'), "/init") == 0 ? &by_name[i] : NULL;
    return NULL;
}

/* Where the command leads, with every link followed as if the tree were the root. */
static void resolve(const char *tree, const char *command, char *path, size_t size)
{
    char link[64];
    path[0] = '\0';
    cleanup_close int fd = intree_open(tree, command);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = fd < 0 ? 0 : readlink(link, path, size - 1);
    path[n > 0 ? n : 0] = '\0';
}

static bool is_program(const char *tree, const char *path)
{
    struct stat st;
    cleanup_close int fd = intree_open(tree, path);
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* As execvp(3) does; the path, or "". */
static void look_for(const char *tree, const char *command, const char *search, char *path, size_t size)
{
    cleanup_close int root = intree_open(tree, "/");
    if (root < 0 && (size_t)snprintf(path, size, "/usr/bin/%s", command) < size)
        return;
    while (*search) {
        size_t len = strcspn(search, ":");
        if ((size_t)snprintf(path, size, "%.*s/%s", (int)len, search, command) < size && path[0] == '/' &&
            is_program(tree, path))
            return;
        search += len + (search[len] == ':');
    }
    path[0] = '\0';
}

const struct initsys *initsys_find(const char *tree, const char *command, const char *search)
{
    char path[4096], whole[4096];
    if (!strchr(command, '/')) {
        look_for(tree, command, search, whole, sizeof(whole));
        command = whole;
    }
    if (command[0] != '/')
        return NULL;
    resolve(tree, command, path, sizeof(path));
    const struct initsys *found = find_name(path, command);
    if (!found)
        found = find_name(command, command);
    for (size_t i = 0; !found && i < COUNT(by_path); i++)
        if (strcmp(command, by_path[i].path) == 0)
            found = &by_path[i].is;
    return found;
}
