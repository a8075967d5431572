/* Each member is reached component by component: its parent directory is a descriptor, and every call that changes
 * something names one entry of that directory, so that a component replaced by a link leads nowhere.  An object's
 * owner, attributes, mode and time are set through a descriptor of the object, by /proc/self/fd, which also works for
 * objects that cannot be opened for reading.
 *
 * A directory's mode and time are set last, when its content is complete. */
#include "common/unpack.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/tar.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Who sends an archive can name directories, even one directory, without end. This holds about a million. */
enum { FOLDERS_BYTES_MAX = 128 << 20 };

struct folder {
    char *path;
    mode_t mode;
    struct timespec mtime;
};

struct unpack {
    int in, dir;
    const struct unpack_plan *plan;
    struct folder *folders;
    size_t folder_count, folder_bytes;
    struct err *err;
};

/* Opens a folder in a folder: entry is a single name, neither `.` nor `..` (tar_normalize). */
static int open_folder(const struct unpack *u, int parent, const char *entry)
{
    return openat(parent, entry, O_PATH | O_DIRECTORY | O_CLOEXEC | (u->plan->strange ? O_NOFOLLOW : 0));
}

/* The folder that path (normal, not "") is in, with those above it made where they are missing; *last is its last
 * component.  A descriptor, or -1 with err. */
static int open_parent(const struct unpack *u, const char *path, const char **last)
{
    cleanup_close int at = fcntl(u->dir, F_DUPFD_CLOEXEC, 3);
    const char *part = path;
    for (const char *slash; (slash = strchr(part, '/')); part = slash + 1) {
        char entry[NAME_MAX + 1];
        if (slash - part > NAME_MAX)
            return err_set(u->err, "%s: the name is too long", path);
        snprintf(entry, sizeof(entry), "%.*s", (int)(slash - part), part);
        int next = open_folder(u, at, entry);
        if (next < 0 && errno == ENOENT && mkdirat(at, entry, 0755) == 0)
            next = open_folder(u, at, entry);
        if (next < 0)
            return err_sys(u->err, "cannot enter the directory %.*s", (int)(slash - path), path);
        close(at);
        at = next;
    }
    *last = part;
    return at < 0 ? err_sys(u->err, "%s", path) : steal_fd(&at);
}

static bool is_wanted_attribute(const struct unpack *u, const char *name)
{
    if (u->plan->layer)
        return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
    return u->plan->exact || strncmp(name, "user.", 5) == 0;
}

static mode_t wanted_mode(const struct unpack *u, const struct tar_member *m)
{
    return m->mode & (u->plan->exact ? 07777 : m->type == '5' ? 01777 : 0777);
}

static void make_self(char path[32], int fd)
{
    snprintf(path, 32, "/proc/self/fd/%d", fd);
}

static int set_mode_and_time(const struct unpack *u, const char *path, int fd, const mode_t *mode,
                             struct timespec mtime)
{
    struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, mtime};
    char self[32];
    make_self(self, fd);
    if (mode && chmod(self, *mode) < 0)
        return err_sys(u->err, "%s: cannot set the mode", path);
    return utimensat(AT_FDCWD, self, times, 0) < 0 ? err_sys(u->err, "%s: cannot set the time", path) : 0;
}

/* Owner first: a change of it clears the set-user-id bit and capabilities. */
static int set_attributes(const struct unpack *u, const struct tar_member *m, int fd)
{
    char self[32];
    make_self(self, fd);
    if (u->plan->exact && chown(self, m->uid, m->gid) < 0)
        return err_sys(u->err, "%s: cannot set the owner", m->path);
    for (size_t at = 0; at < m->attributes.len;) {
        const char *name = m->attributes.data + at, *size = name + strlen(name) + 1;
        uint32_t len;
        memcpy(&len, size, sizeof(len));
        at = (size_t)(size - m->attributes.data) + sizeof(len) + len;
        if (is_wanted_attribute(u, name) && setxattr(self, name, size + sizeof(len), len, 0) < 0 && errno != EOPNOTSUPP)
            return err_sys(u->err, "%s: cannot set the attribute %s", m->path, name);
    }
    mode_t mode = wanted_mode(u, m);
    if (m->type == '5')
        return 0; /* the rest later */
    return set_mode_and_time(u, m->path, fd, m->type == '2' ? NULL : &mode, m->mtime);
}

static bool has_data(const struct tar_member *m)
{
    return m->type == '0' || m->type == '7';
}

/* Opens the entry that was just made, to set its attributes, unless somebody has replaced it since. */
static int reopen(const struct unpack *u, const struct tar_member *m, int parent, const char *entry, mode_t type)
{
    struct stat st;
    cleanup_close int fd = openat(parent, entry, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type)
        return err_set(u->err, "%s: another process is changing the directory", m->path);
    return steal_fd(&fd);
}

/* Takes the data, and writes it unless fd is -1. */
static int put_data(struct unpack *u, const struct tar_member *m, int fd)
{
    static char chunk[65536];
    for (uint64_t left = m->size; left > 0;) {
        size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        if (tar_take(u->in, chunk, n, u->err) < 0)
            return -1;
        if (fd >= 0 && io_write_all(fd, chunk, n) < 0)
            return err_sys(u->err, "%s: cannot write", m->path);
        left -= n;
    }
    return tar_take_padding(u->in, m->size, u->err);
}

static int put_file(struct unpack *u, const struct tar_member *m, int parent, const char *entry, bool stays)
{
    int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    cleanup_close int fd = openat(parent, entry, flags | (stays ? O_TRUNC : O_EXCL), 0600);
    if (fd < 0)
        return err_sys(u->err, "cannot create %s", m->path);
    return put_data(u, m, fd) < 0 ? -1 : set_attributes(u, m, fd);
}

static int remember_folder(struct unpack *u, const struct tar_member *m)
{
    u->folder_bytes += sizeof(*u->folders) + strlen(m->path) + 1;
    if (u->folder_bytes > FOLDERS_BYTES_MAX)
        return err_set(u->err, "%.200s: too many directories in one archive", m->path);
    bool full = (u->folder_count & (u->folder_count - 1)) == 0; /* room for the next power of two */
    void *more = full ? reallocarray(u->folders, 2 * u->folder_count + 1, sizeof(*u->folders)) : u->folders;
    if (more)
        u->folders = more;
    char *path = more ? strdup(m->path) : NULL;
    if (!path)
        return err_set(u->err, "out of memory");
    u->folders[u->folder_count++] = (struct folder){path, wanted_mode(u, m), m->mtime};
    return 0;
}

static int put_folder(struct unpack *u, const struct tar_member *m, int parent, const char *entry)
{
    bool made = *entry && mkdirat(parent, entry, 0700) == 0;
    if (!made && *entry && errno != EEXIST)
        return err_sys(u->err, "cannot create the directory %s", m->path);
    if (!made && !u->plan->exact && !*entry)
        return 0;
    cleanup_close int fd = openat(parent, *entry ? entry : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(u->err, "cannot create the directory %s", m->path);
    if (!made && !u->plan->exact)
        return 0;
    return set_attributes(u, m, fd) < 0 ? -1 : remember_folder(u, m);
}

static int put_link(struct unpack *u, const struct tar_member *m, int parent, const char *entry)
{
    const char *last = "";
    if (!*m->link)
        return err_set(u->err, "%s: a hard link without a target in the archive", m->path);
    cleanup_close int from = open_parent(u, m->link, &last);
    if (from < 0)
        return -1;
    return linkat(from, last, parent, entry, 0) < 0 ? err_sys(u->err, "cannot link %s to %s", m->path, m->link) : 0;
}

static int put_symlink(struct unpack *u, const struct tar_member *m, int parent, const char *entry)
{
    if (symlinkat(m->link, parent, entry) < 0)
        return err_sys(u->err, "cannot create the link %s", m->path);
    cleanup_close int fd = reopen(u, m, parent, entry, S_IFLNK);
    return fd < 0 ? -1 : set_attributes(u, m, fd);
}

static int put_special(struct unpack *u, const struct tar_member *m, int parent, const char *entry)
{
    mode_t type = m->type == '3' ? S_IFCHR : m->type == '4' ? S_IFBLK : S_IFIFO;
    if (mknodat(parent, entry, type | 0600, m->rdev) < 0)
        return err_sys(u->err, "cannot create %s", m->path);
    cleanup_close int fd = reopen(u, m, parent, entry, type);
    return fd < 0 ? -1 : set_attributes(u, m, fd);
}

static int put_any(struct unpack *u, const struct tar_member *m)
{
    const char *entry = "";
    cleanup_close int parent = *m->path ? open_parent(u, m->path, &entry) : fcntl(u->dir, F_DUPFD_CLOEXEC, 3);
    if (parent < 0)
        return -1;
    if (m->type == '5')
        return put_folder(u, m, parent, entry);
    if (!*entry)
        return err_set(u->err, "a file without a name in the archive");
    /* A file that is a mount point, such as a container's /etc/hosts, can only be written. */
    bool stays = unlinkat(parent, entry, 0) < 0 && errno == EBUSY;
    if (!stays && errno == EISDIR)
        return err_sys(u->err, "%s is in the way", m->path);
    switch (m->type) {
    case '1':
        return put_link(u, m, parent, entry);
    case '2':
        return put_symlink(u, m, parent, entry);
    case '3':
    case '4':
    case '6':
        return put_special(u, m, parent, entry);
    default:
        return put_file(u, m, parent, entry, stays);
    }
}

bool tar_normalize(char *path)
{
    char *out = path;
    for (const char *part = path; *part;) {
        size_t len = strcspn(part, "/");
        const char *next = part + len + (part[len] == '/');
        if (len == 2 && memcmp(part, "..", 2) == 0)
            return false;
        if (len > 0 && !(len == 1 && *part == '.')) {
            if (out > path)
                *out++ = '/';
            memmove(out, part, len);
            out += len;
        }
        part = next;
    }
    *out = '\0';
    return true;
}

bool unpack_is_whiteout(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strncmp(slash ? slash + 1 : path, UNPACK_WHITEOUT, strlen(UNPACK_WHITEOUT)) == 0;
}

/* Turns the name in the archive into the one in the folder.  1; 0 if the member was not asked for; -1 with err. */
static int map(const struct unpack *u, char path[TAR_PATH])
{
    const struct unpack_plan *plan = u->plan;
    char mapped[TAR_PATH];
    if (!tar_normalize(path))
        return err_set(u->err, "%s: a name with .. in the archive", path);
    bool all = strcmp(plan->member, ".") == 0;
    size_t len = all ? 0 : strlen(plan->member);
    if (!all && (strncmp(path, plan->member, len) != 0 || (path[len] && path[len] != '/')))
        return 0;
    if (!*plan->name)
        return 1;
    const char *rest = path + len + (path[len] == '/');
    if (snprintf(mapped, sizeof(mapped), "%s%s%s", plan->name, *rest ? "/" : "", rest) >= (int)sizeof(mapped))
        return err_set(u->err, "%s: the name is too long", path);
    strcpy(path, mapped);
    return 1;
}

/* Whether the member is to be unpacked, by its new name; else a warning says why not. */
static int choose(const struct unpack *u, struct tar_member *m)
{
    if (!strchr("01234567", m->type))
        return err_set(u->err, "%s: members of type '%c' are not supported", m->path, m->type);
    int wanted = map(u, m->path);
    if (wanted == 1 && u->plan->layer && unpack_is_whiteout(m->path))
        return 0;
    if (wanted == 1 && m->type == '1' && (wanted = map(u, m->link)) == 0)
        return err_set(u->err, "%s: a link to %s, which is not part of the copy", m->path, m->link);
    if (wanted == 0)
        log_warn("%s was not asked for, and is skipped", m->path);
    if (wanted == 1 && !u->plan->exact && strchr("346", m->type)) {
        log_warn("%s is a %s, and is skipped (--archive copies it)", m->path, m->type == '6' ? "FIFO" : "device");
        wanted = 0;
    }
    return wanted;
}

static int put_all(struct unpack *u, struct tar_member *m)
{
    int got;
    while ((got = tar_next(u->in, m, u->err)) == 1) {
        int wanted = choose(u, m);
        if (wanted < 0 || (wanted == 1 && put_any(u, m) < 0))
            return -1;
        if (wanted == 0 && has_data(m) && put_data(u, m, -1) < 0)
            return -1;
    }
    return got;
}

/* The inner folders, which came later, are done first: a folder's final mode may keep everybody out. */
static int finish_folders(struct unpack *u)
{
    while (u->folder_count > 0) {
        struct folder *f = &u->folders[--u->folder_count];
        const char *entry = ".";
        cleanup_close int parent = *f->path ? open_parent(u, f->path, &entry) : fcntl(u->dir, F_DUPFD_CLOEXEC, 3);
        cleanup_close int fd = parent < 0 ? -1 : openat(parent, entry, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            err_sys(u->err, "%s: cannot set mode and time", f->path);
        else
            set_mode_and_time(u, f->path, fd, &f->mode, f->mtime);
        free(f->path);
    }
    free(u->folders);
    return u->err->text[0] ? -1 : 0;
}

int tar_unpack(int in, int dir, const struct unpack_plan *plan, struct err *err)
{
    struct unpack u = {.in = in, .dir = dir, .plan = plan, .err = err};
    static struct tar_member m;
    char rest[4096];
    umask(0);
    int r = put_all(&u, &m);
    buf_free(&m.attributes);
    if (finish_folders(&u) < 0)
        return -1;
    while (r == 0 && read(in, rest, sizeof(rest)) > 0)
        ; /* read the padding after the end too, so that the writer can finish */
    return r;
}
