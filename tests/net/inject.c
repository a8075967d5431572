/* LD_PRELOAD: the INJECT-th of the calls below fails, or with INJECT_KILL=1 is the last thing the process does.
 * When there are fewer calls, the process leaves INJECT_DONE (a file) behind.  This is how the tests get a
 * failure, and a kill -9, at every single step. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int count; /* netsetup deletes devices on a thread */

static bool now(void)
{
    const char *at = getenv("INJECT");
    if (!at || atomic_fetch_add(&count, 1) + 1 != atoi(at))
        return false;
    if (getenv("INJECT_KILL"))
        kill(getpid(), SIGKILL);
    errno = ENOBUFS;
    return true;
}

__attribute__((destructor)) static void done(void)
{
    const char *at = getenv("INJECT"), *file = getenv("INJECT_DONE");
    if (at && file && count < atoi(at))
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t size)
{
    return now() ? -1 : REAL(sendto)(fd, data, len, flags, to, size);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return now() ? -1 : REAL(bind)(fd, addr, len);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    return now() ? -1 : REAL(ioctl)(fd, request, arg);
}

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    return now() ? -1 : REAL(getrandom)(data, len, flags);
}

int memfd_create(const char *name, unsigned flags)
{
    return now() ? -1 : REAL(memfd_create)(name, flags);
}

pid_t fork(void)
{
    return now() ? -1 : REAL(fork)();
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attr,
                char *const argv[], char *const env[])
{
    return now() ? ENOBUFS : REAL(posix_spawn)(pid, path, files, attr, argv, env);
}

int unshare(int flags)
{
    return now() ? -1 : REAL(unshare)(flags);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
    return now() ? -1 : REAL(mount)(source, target, type, flags, data);
}

int mkdir(const char *path, mode_t mode)
{
    return now() ? -1 : REAL(mkdir)(path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    return now() ? -1 : REAL(mkdirat)(dir, path, mode);
}

int flock(int fd, int operation)
{
    return now() ? -1 : REAL(flock)(fd, operation);
}

int ftruncate(int fd, off_t length)
{
    return now() ? -1 : REAL(ftruncate)(fd, length);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
    return now() ? -1 : REAL(fchown)(fd, uid, gid);
}

int listen(int fd, int backlog)
{
    return now() ? -1 : REAL(listen)(fd, backlog);
}

int pipe2(int fds[2], int flags)
{
    return now() ? -1 : REAL(pipe2)(fds, flags);
}
