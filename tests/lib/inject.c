/* LD_PRELOAD: a failure, or a kill, at every single step of a program.  Of the calls below, counted from main on, the
 * INJECT-th fails; children count on from where their parent was, and programs that are executed are left alone.
 *
 *   INJECT=N           which; 0: none
 *   INJECT_ERROR=E     how: ENOBUFS (the default), ENOMEM, EMFILE, ENOSPC, EIO or EPERM
 *   INJECT_MEMORY=1    allocations are what is counted, instead
 *   INJECT_NAMES=1     calls that change or sync names are counted, too (their list is at the end of the calls below)
 *   INJECT_KILL=WHO    nothing fails, but WHO gets SIGKILL just before the call: self, jailer (or the Firecracker
 *                      that it has become), jail (its PID namespace's first process), server (of a disk) or keeper
 *   INJECT_DONE=FILE   the count, once the program has ended by itself with fewer calls; of all when INJECT is 0
 *   INJECT_LOG=FILE    which call it was
 *   INJECT_DRAWN=1     random numbers of four bytes are 0, 4, 8... in every process */
#include <dirent.h>
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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const struct {
    const char *name;
    int number;
} errors[] = {{"ENOBUFS", ENOBUFS}, {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE},
              {"ENOSPC", ENOSPC},   {"EIO", EIO},       {"EPERM", EPERM}};

static struct {
    int at;           /* -1: not yet in main */
    atomic_int count; /* there are threads */
    int error;
    bool memory, names, busy;
    bool waiting; /* for a socket to appear: how often one looks depends on the time, and is not counted */
    const char *kill, *done, *log;
    pid_t jail;
} inject = {.at = -1};

static void note(const char *file, const char *what)
{
    char line[128];
    int len = snprintf(line, sizeof(line), "%d %s\n", inject.count, what);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    (void)!syscall(SYS_write, fd, line, len);
    syscall(SYS_close, fd);
}

/* The fourth field of /proc/PID/stat, behind the name, which is in parentheses. */
static pid_t parent_of(pid_t pid)
{
    char path[32], text[256] = "";
    int parent = -1;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    char *end = strrchr(text, ')');
    if (end)
        sscanf(end + 1, " %*c %d", &parent);
    return parent;
}

static bool serves(pid_t pid)
{
    char path[64], link[32];
    for (int fd = 3; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(path, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        if (strcmp(link, "/dev/fuse") == 0)
            return true;
    }
    return false;
}

static bool is_called(pid_t pid, const char *name)
{
    char path[32], text[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, name) == 0;
}

static void kill_others(void)
{
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        pid_t pid = (pid_t)atoi(e->d_name);
        pid_t parent = pid > 1 ? parent_of(pid) : -1;
        if (parent < 0)
            continue;
        if ((parent == getpid() && strcmp(inject.kill, "keeper") == 0 && is_called(pid, "entry-keeper")) ||
            (parent == getpid() && strcmp(inject.kill, "server") == 0 && serves(pid)) ||
            (inject.jail && parent == inject.jail && strcmp(inject.kill, "jailer") == 0) ||
            (pid == inject.jail && strcmp(inject.kill, "jail") == 0))
            kill(pid, SIGKILL);
    }
    if (dir)
        closedir(dir);
}

/* Whether this call is to fail; then errno is set. */
static bool now(bool memory, const char *what)
{
    if (inject.at < 0 || memory != inject.memory || inject.busy || inject.waiting ||
        atomic_fetch_add(&inject.count, 1) + 1 != inject.at)
        return false;
    inject.busy = true; /* what follows is ours */
    if (inject.log)
        note(inject.log, what);
    if (inject.kill && strcmp(inject.kill, "self") == 0)
        syscall(SYS_kill, getpid(), SIGKILL);
    if (inject.kill)
        kill_others();
    inject.busy = false;
    errno = inject.error;
    return !inject.kill;
}

static void begin(void)
{
    const char *at = getenv("INJECT"), *error = getenv("INJECT_ERROR");
    if (!at)
        return;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
        if (i == 0 || (error && strcmp(error, errors[i].name) == 0))
            inject.error = errors[i].number;
    inject.kill = getenv("INJECT_KILL");
    inject.done = getenv("INJECT_DONE");
    inject.log = getenv("INJECT_LOG");
    inject.memory = getenv("INJECT_MEMORY") != NULL;
    inject.names = getenv("INJECT_NAMES") != NULL;
    if (inject.memory)
        inject.error = ENOMEM;
    inject.at = atoi(at);
}

__attribute__((destructor)) static void end(void)
{
    if (inject.at >= 0 && inject.done && (inject.at == 0 || inject.count < inject.at))
        inject.busy = true, note(inject.done, "calls");
}

/* Libraries' own beginnings are not counted: the C library is given another main. */
static int (*real_main)(int argc, char **argv, char **env);

static int counted_main(int argc, char **argv, char **env)
{
    begin();
    return real_main(argc, argv, env);
}

typedef int main_fn(int argc, char **argv, char **env);
int __libc_start_main(main_fn *program, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(main_fn *program, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    real_main = program;
    return REAL(__libc_start_main)(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* --- calls ------------------------------------------------------------------------------------------------ */

#define CALL(type, name, parameters, arguments)                                                                        \
    type name parameters                                                                                               \
    {                                                                                                                  \
        return now(false, #name) ? (type)-1 : REAL(name) arguments;                                                    \
    }

/* open and its like: the mode is there when it is wanted, and harmless when it is not. */
#define CALL_OPEN(name, parameters, arguments)                                                                         \
    int name parameters                                                                                                \
    {                                                                                                                  \
        va_list ap;                                                                                                    \
        va_start(ap, flags);                                                                                           \
        mode_t mode = va_arg(ap, mode_t);                                                                              \
        va_end(ap);                                                                                                    \
        return now(false, #name) ? -1 : REAL(name) arguments;                                                          \
    }

CALL_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
CALL_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
CALL_OPEN(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
CALL_OPEN(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
CALL(ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
CALL(ssize_t, sendfile, (int out, int in, off_t *at, size_t len), (out, in, at, len))
CALL(int, ftruncate, (int fd, off_t length), (fd, length))
CALL(int, fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length))
CALL(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
CALL(int, flock, (int fd, int operation), (fd, operation))
CALL(int, linkat, (int d, const char *from, int e, const char *to, int flags), (d, from, e, to, flags))
CALL(int, rename, (const char *from, const char *to), (from, to))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL(int, mkfifoat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL(int, statvfs, (const char *path, struct statvfs *v), (path, v))
CALL(int, unshare, (int flags), (flags))
CALL(int, mount, (const char *source, const char *target, const char *type, unsigned long flags, const void *data),
     (source, target, type, flags, data))
CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags))
CALL(int, pipe2, (int fds[2], int flags), (fds, flags))
CALL(int, dup2, (int from, int to), (from, to))
CALL(int, dup3, (int from, int to, int flags), (from, to, flags))
CALL(int, eventfd, (unsigned value, int flags), (value, flags))
CALL(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
CALL(pid_t, fork, (void), ())
CALL(int, execve, (const char *path, char *const argv[], char *const env[]), (path, argv, env))
CALL(int, socket, (int family, int type, int protocol), (family, type, protocol))
CALL(int, socketpair, (int family, int type, int protocol, int fds[2]), (family, type, protocol, fds))
CALL(int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
CALL(int, listen, (int fd, int backlog), (fd, backlog))
CALL(ssize_t, send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags))
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
CALL(ssize_t, recv, (int fd, void *data, size_t len, int flags), (fd, data, len, flags))

/* With INJECT_NAMES only: entry cleans up with these, and a clean-up that fails is no step of a start. */
#define CALL_NAMES(name, parameters, arguments)                                                                        \
    int name parameters                                                                                                \
    {                                                                                                                  \
        return inject.names && now(false, #name) ? -1 : REAL(name) arguments;                                          \
    }

CALL_NAMES(fsync, (int fd), (fd))
CALL_NAMES(fchmod, (int fd, mode_t mode), (fd, mode))
CALL_NAMES(symlinkat, (const char *target, int dir, const char *path), (target, dir, path))
CALL_NAMES(renameat, (int d, const char *from, int e, const char *to), (d, from, e, to))
CALL_NAMES(unlinkat, (int dir, const char *path, int flags), (dir, path, flags))

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    static uint32_t drawn;
    if (now(false, "getrandom"))
        return -1;
    if (len != sizeof(drawn) || !getenv("INJECT_DRAWN"))
        return REAL(getrandom)(data, len, flags);
    memcpy(data, &drawn, len);
    drawn += 4;
    return (ssize_t)len;
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t size)
{
    return now(false, "sendto") ? -1 : REAL(sendto)(fd, data, len, flags, to, size);
}

/* What is said on stderr cannot be said if it fails. */
ssize_t write(int fd, const void *data, size_t len)
{
    return fd != STDERR_FILENO && now(false, "write") ? -1 : REAL(write)(fd, data, len);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    if (now(false, "connect"))
        return -1;
    int result = REAL(connect)(fd, address, len);
    /* an abstract name is only asked for */
    bool file = address->sa_family == AF_UNIX && ((const struct sockaddr_un *)address)->sun_path[0];
    inject.waiting = result < 0 && file && (errno == ENOENT || errno == ECONNREFUSED);
    return result;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    return now(false, "ioctl") ? -1 : REAL(ioctl)(fd, request, argument);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attr,
                char *const argv[], char *const env[])
{
    return now(false, "posix_spawn") ? inject.error : REAL(posix_spawn)(pid, path, files, attr, argv, env);
}

/* What the C library has no name for: clone, pidfd_open, openat2... */
long syscall(long number, ...)
{
    static __typeof__(&syscall) real;
    char name[32];
    long a[6];
    va_list ap;
    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (!real)
        real = REAL(syscall);
    if (!inject.busy && number != SYS_pidfd_send_signal) { /* that of SIGKILL to a child of one's own cannot fail */
        snprintf(name, sizeof(name), "syscall %ld", number);
        if (now(false, name))
            return -1;
    }
    if (number == SYS_seccomp || number == SYS_landlock_restrict_self)
        return 0; /* in a sandbox nothing of the above could be done */
    long result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (number == SYS_clone && result > 0)
        inject.jail = (pid_t)result;
    return result;
}

/* --- allocations ------------------------------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    return now(true, "malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return now(true, "calloc") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return now(true, "realloc") ? NULL : __libc_realloc(old, size);
}
