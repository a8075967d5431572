/* VMs of containers: an `entry` in another mount namespace has its directories in the /run of that one, where this
 * process can see it by /proc/PID/root.  All in there is the container's, so a path is resolved in its root
 * (openat2(2), RESOLVE_IN_ROOT), through no magic link, and a file counts only if it is a regular one of some size. */
#include "common/cleanup.h"
#include "common/io.h"
#include "common/local.h"
#include "common/num.h"
#include "ctl/vms.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { STATE_MAX = 256 * 1024, PATH_SIZE = 64 };

static int open_in(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* NULL if it is not such a file. */
static char *read_state(int folder, const char *id, size_t *len)
{
    char path[NAME_MAX + sizeof("/state.json")];
    struct stat st;
    snprintf(path, sizeof(path), "%s/state.json", id);
    cleanup_close int fd = open_in(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > STATE_MAX)
        return NULL;
    cleanup_free char *text = calloc(1, STATE_MAX + 1);
    ssize_t n = text ? io_read_full(fd, text, STATE_MAX) : -1;
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? steal_ptr(&text) : NULL;
}

static void add_all(struct vms *v, int folder, pid_t entry, pid_t inner)
{
    int list = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = list < 0 ? NULL : fdopendir(list);
    if (!d && list >= 0)
        close(list);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t len;
        cleanup_free char *text = record_is_name(e->d_name) ? read_state(folder, e->d_name, &len) : NULL;
        struct vm *vm = text ? vms_add(v, VM_CONTAINER, e->d_name) : NULL;
        if (!vm)
            continue;
        vm->state = steal_ptr(&text);
        vm->state_len = len;
        vm->entry = entry;
        vm->inner = inner;
    }
    if (d)
        closedir(d);
}

static bool is_entry(const char *pid)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    cleanup_free char *name = io_read_file(AT_FDCWD, path, 64, NULL);
    return name && strcmp(name, "entry\n") == 0;
}

/* Its pid in the innermost PID namespace (proc(5), NSpid). */
static pid_t inner_pid(const char *pid)
{
    char path[PATH_SIZE];
    uint64_t number = 0;
    snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, 65536, NULL);
    char *line = text ? strstr(text, "\nNSpid:") : NULL;
    if (!line)
        return 0;
    line[1 + strcspn(line + 1, "\n")] = '\0';
    char *last = strrchr(line, '\t');
    return last && num_parse(last + 1, 1, INT32_MAX, &number) == 0 ? (pid_t)number : 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static void consider(struct vms *v, const char *pid, const struct stat *own)
{
    char path[PATH_SIZE];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%.20s/root", pid);
    if (!is_entry(pid))
        return;
    cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_close int folder = root < 0 ? -1 : open_in(root, LOCAL_DIR, O_RDONLY | O_DIRECTORY);
    uint64_t number;
    if (folder >= 0 && fstat(folder, &st) == 0 && !is_same(&st, own) && num_parse(pid, 1, INT32_MAX, &number) == 0)
        add_all(v, folder, (pid_t)number, inner_pid(pid));
}

void vms_find_contained(struct vms *v)
{
    struct stat own = {0};
    DIR *proc = opendir("/proc");
    (void)stat(LOCAL_DIR, &own);
    for (struct dirent *e; proc && (e = readdir(proc));)
        if (strspn(e->d_name, "0123456789") == strlen(e->d_name))
            consider(v, e->d_name, &own);
    if (proc)
        closedir(proc);
}
