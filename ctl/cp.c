/* cp: an archive, by the system's tar on this side and by the guest's init on the other.  tar is the one that
 * gives the member its new name: it also withstands what a hostile guest may put into an archive. */
#include "common/cleanup.h"
#include "common/signals.h"
#include "ctl/ctl.h"
#include "ctl/where.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { TAR_ARGUMENTS = 16 };

/* One end of the copy: the guest's is written with a colon in front. */
struct end {
    bool guest;
    const char *path;
};

static struct end parse_end(const char *text)
{
    return (struct end){text[0] == ':', text[0] == ':' ? text + 1 : text};
}

static int run_part(const char *id, uint32_t flags, const char *const argv[], struct err *err)
{
    struct ctl_session session = {.flags = PROTO_EXEC_COPY | flags, .user = "0", .directory = "/", .argv = argv};
    return ctl_run(id, &session, err);
}

/* What there is; a link is taken for itself, unless follow says so. */
static int kind_of(const char *id, const struct end *end, bool follow, enum proto_copy *kind, struct err *err)
{
    struct stat st;
    const char *const argv[] = {follow ? "kind" : "link-kind", end->path, NULL};
    if (!end->guest) {
        int r = follow ? stat(end->path, &st) : lstat(end->path, &st);
        *kind = r < 0 ? PROTO_COPY_NOTHING : S_ISDIR(st.st_mode) ? PROTO_COPY_FOLDER : PROTO_COPY_FILE;
        return 0;
    }
    int code = run_part(id, 0, argv, err);
    *kind = (enum proto_copy)code;
    if (code >= PROTO_COPY_NOTHING && code <= PROTO_COPY_FOLDER)
        return 0;
    return code < 0 ? -1 : err_set(err, "cp: the guest gave an answer that is none");
}

/* A sed expression that renames the member, in hard links' targets too, but not in symbolic links'.  A folder's
 * members all start with its ".". */
static int rename_expression(const struct where *w, char *out, size_t size, struct err *err)
{
    size_t n = (size_t)snprintf(out, size, "--transform=flags=rhS;s,^%s,", strcmp(w->member, ".") == 0 ? "\\." : ".*");
    for (const char *c = w->name; *c && n + 4 < size; c++) {
        if (*c == '\n')
            return err_set(err, "cp: a new name with a newline is not supported");
        if (strchr(",\\&", *c))
            out[n++] = '\\';
        out[n++] = *c;
    }
    snprintf(out + n, size - n, ",");
    return 0;
}

/* Starts tar with our end of the pipe as its stdout (packing) or stdin. */
static pid_t start_tar(const struct where *w, bool packing, int pipe_end, struct err *err)
{
    static const char *const pack[] = {"--format=posix", "--pax-option=delete=atime,delete=ctime", "-c"};
    static const char *const unpack[] = {"--same-owner", "--delay-directory-restore", "--xattrs-include=*", "-xp"};
    const char *argv[TAR_ARGUMENTS] = {"tar", "--numeric-owner", "--xattrs", "--no-unquote"};
    char expression[640];
    int n = 4;
    for (int i = 0; i < (packing ? 3 : 4); i++)
        argv[n++] = packing ? pack[i] : unpack[i];
    if (w->name[0]) {
        if (rename_expression(w, expression, sizeof(expression), err) < 0)
            return -1;
        argv[n++] = expression;
    }
    argv[n++] = "-C";
    argv[n++] = packing ? w->from : w->to;
    argv[n++] = "-f";
    argv[n++] = "-";
    argv[n++] = "--";
    argv[n++] = w->member; /* unpacking, too: what else a hostile guest sends stays out */
    argv[n] = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        signals_default();
        if (dup2(pipe_end, packing ? STDOUT_FILENO : STDIN_FILENO) >= 0)
            execvp(argv[0], (char *const *)argv);
        dprintf(STDERR_FILENO, "ctr-jailer: cp: cannot run tar: %s\n", strerror(errno));
        _exit(127);
    }
    return pid < 0 ? err_sys(err, "cp: cannot run tar") : pid;
}

/* Both sides at once, with the pipe between tar and the session's stdin or stdout. */
static int copy(const char *id, bool in, const struct where *w, struct err *err)
{
    const char *const pack[] = {"pack", w->from, w->member, NULL}, *const unpack[] = {"unpack", w->to, NULL};
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cp: cannot make a pipe");
    pid_t tar = start_tar(w, in, ends[in ? 1 : 0], err);
    dup2(ends[in ? 0 : 1], in ? STDIN_FILENO : STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    int code = tar < 0 ? -1 : run_part(id, in ? PROTO_EXEC_STDIN : 0, in ? unpack : pack, err);
    close(in ? STDIN_FILENO : STDOUT_FILENO); /* tar sees the end */
    if (tar > 0 && waitpid(tar, &status, 0) < 0)
        return err_sys(err, "cp: cannot wait for tar");
    return code != 0 ? code : status != 0;
}

/* With our stdin or stdout as the archive, in which a folder has its name. */
static int copy_stream(const char *id, const char *path, bool in, struct err *err)
{
    struct where w;
    const char *const pack[] = {"pack", w.from, w.member, NULL}, *const unpack[] = {"unpack", path, NULL};
    if (in)
        return run_part(id, PROTO_EXEC_STDIN, unpack, err);
    if (where_copy(path, PROTO_COPY_FILE, ".", PROTO_COPY_FOLDER, &w, err) < 0)
        return -1;
    if (!w.member[0])
        strcpy(w.member, ".");
    return run_part(id, 0, pack, err);
}

int ctl_cp(const char *id, char **argv, struct err *err)
{
    struct where w = {0};
    enum proto_copy from_kind, to_kind;
    if (!argv[1] || !argv[2] || argv[3])
        return err_set(err, "cp: use it as: cp PATH :PATH, or cp :PATH PATH");
    struct end from = parse_end(argv[1]), to = parse_end(argv[2]);
    if (from.guest == to.guest || !*from.path || !*to.path)
        return err_set(err, "cp: one of the paths is the guest's, with a colon in front: %s",
                       from.guest ? argv[2] : argv[1]);
    if (strcmp(from.path, "-") == 0 || strcmp(to.path, "-") == 0)
        return copy_stream(id, from.guest ? from.path : to.path, to.guest, err);
    size_t len = strlen(from.path);
    if (kind_of(id, &from, from.path[len - 1] == '/', &from_kind, err) < 0 || kind_of(id, &to, true, &to_kind, err) < 0)
        return -1;
    if (where_copy(from.path, from_kind, to.path, to_kind, &w, err) < 0)
        return -1;
    return copy(id, to.guest, &w, err);
}
