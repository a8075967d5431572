/* Input and output go through memory files, so that neither side ever waits for the other to read. */
#include "netsetup/tool.h"
#include "common/cleanup.h"
#include "common/io.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMPLAINT = 512 };

bool tool_find(const char *name, char *path, size_t size)
{
    static const char usual[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
    const char *lists[] = {getenv("PATH"), usual};
    for (size_t i = 0; i < 2; i++)
        for (const char *p = lists[i]; p && *p;) {
            size_t len = strcspn(p, ":");
            if (len && (size_t)snprintf(path, size, "%.*s/%s", (int)len, p, name) < size && !access(path, X_OK))
                return true;
            p += len + (p[len] == ':');
        }
    return false;
}

/* Starts with no signal blocked or ignored: the caller may block some for its own loop. */
static int spawn(const char *const argv[], int in, int out, int complaints, pid_t *pid)
{
    static const char *const env[] = {"PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
                                      NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, complaints, 2);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int r = posix_spawn(pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return r;
}

static int memory_file(const char *text)
{
    cleanup_close int fd = memfd_create("netsetup", MFD_CLOEXEC);
    if (fd < 0 || (text && io_pwrite_all(fd, text, strlen(text), 0)))
        return -1;
    return steal_fd(&fd);
}

static int collect(int fd, struct buf *out)
{
    char chunk[16384];
    ssize_t n;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    while ((n = io_read_full(fd, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)n);
    return n < 0 || buf_failed(out) ? -1 : 0;
}

/* The program's stderr as one line. */
static void complaint(int fd, char *line, size_t size)
{
    ssize_t n = io_pread_full(fd, line, size - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

static int await(pid_t pid, int *status)
{
    pid_t r;
    do
        r = waitpid(pid, status, 0);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -1 : 0;
}

int tool_run(const char *const argv[], const char *input, struct buf *out, struct err *err)
{
    char line[COMPLAINT];
    int status;
    pid_t pid;
    cleanup_close int in = memory_file(input), output = memory_file(NULL), complaints = memory_file(NULL);
    if (in < 0 || output < 0 || complaints < 0)
        return err_sys(err, "cannot make a memory file");
    if ((errno = spawn(argv, in, output, complaints, &pid)) || await(pid, &status))
        return err_sys(err, "cannot run %s", argv[0]);
    complaint(complaints, line, sizeof(line));
    if (WIFSIGNALED(status))
        return err_set(err, "%s was killed by signal %d", argv[0], WTERMSIG(status));
    if (WEXITSTATUS(status))
        return err_set(err, "%s failed: %s", argv[0], line[0] ? line : "it did not say why");
    return out && collect(output, out) ? err_sys(err, "cannot read the output of %s", argv[0]) : 0;
}
