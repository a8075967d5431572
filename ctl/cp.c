/* cp: passes an archive between a process of ours and a part of the guest's init, which run the same code.  Our process
 * gives the member its new name, and trusts nothing in the archive. */
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/pack.h"
#include "common/process.h"
#include "common/signals.h"
#include "common/unpack.h"
#include "ctl/ctl.h"
#include "ctl/where.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* One end of the copy: the guest's is written with a colon in front. */
struct end {
    bool guest;
    const char *path;
};

static struct end parse_end(const char *text)
{
    return (struct end){text[0] == ':', text[0] == ':' ? text + 1 : text};
}

/* The stdout of the guest's part is the archive, if one is expected, and nothing otherwise. */
static struct ctl_session part(uint32_t flags, enum ctl_output output, const char *const argv[])
{
    return (struct ctl_session){
        .flags = PROTO_EXEC_COPY | flags, .output = output, .user = "0", .directory = "/", .argv = argv};
}

static int run_unpack(const char *id, const char *const argv[], struct err *err)
{
    struct ctl_session session = part(PROTO_EXEC_STDIN, CTL_NO_STDOUT, argv);
    return ctl_run(id, &session, err);
}

static int run_pack(const char *id, const char *const argv[], struct err *err)
{
    struct ctl_session session = part(0, CTL_AS_IT_IS, argv);
    return ctl_run(id, &session, err);
}

/* The kind of the file; links are followed only with follow. */
static int kind_of(const char *id, const struct end *end, bool follow, enum proto_copy *kind, struct err *err)
{
    struct stat st;
    const char *const argv[] = {follow ? "kind" : "link-kind", end->path, NULL};
    if (!end->guest) {
        int r = follow ? stat(end->path, &st) : lstat(end->path, &st);
        *kind = r < 0 ? PROTO_COPY_NOTHING : S_ISDIR(st.st_mode) ? PROTO_COPY_FOLDER : PROTO_COPY_FILE;
        return 0;
    }
    struct ctl_session session = part(0, CTL_NO_STDOUT, argv);
    int code = ctl_run_first(id, &session, err);
    *kind = (enum proto_copy)code;
    if (code >= PROTO_COPY_NOTHING && code <= PROTO_COPY_FOLDER)
        return 0;
    return code < 0 ? -1 : err_set(err, "cp: the guest sent an invalid reply");
}

static int unpack(const struct where *w, bool archive, struct err *err)
{
    const struct unpack_plan plan = {.member = w->member, .name = w->name, .strange = true, .exact = archive};
    cleanup_close int dir = open(w->to, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(err, "cannot change to the directory %s", w->to);
    return confine_unpacking(dir, archive, err) < 0 ? -1 : tar_unpack(STDIN_FILENO, dir, &plan, err);
}

/* Works from within the directory, so that nobody can replace it. */
static int pack(const struct where *w, bool *incomplete, struct err *err)
{
    cleanup_close int dir = open(w->from, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fchdir(dir) < 0)
        return err_sys(err, "cannot read %s/%s", w->from, w->member);
    return confine_packing(dir, err) < 0 ? -1 : tar_pack(STDOUT_FILENO, ".", w->member, w->name, incomplete, err);
}

/* In a process of its own that keeps only the pipe, as its stdin or stdout: a hostile guest may send anything, and the
 * files copied into the guest may come from a directory that somebody else controls. */
static int run_local(const struct where *w, bool packing, bool archive)
{
    struct err err = {0};
    bool incomplete = false;
    signals_default();
    close_range(3, ~0U, 0);
    int r = packing ? pack(w, &incomplete, &err) : unpack(w, archive, &err);
    if (r < 0)
        log_error("cp: %s", err.text);
    return r < 0 || incomplete;
}

static pid_t start_local(const struct where *w, bool packing, bool archive, int pipe_end, struct err *err)
{
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipe_end, packing ? STDOUT_FILENO : STDIN_FILENO);
        _exit(run_local(w, packing, archive));
    }
    return pid < 0 ? err_sys(err, "cp: cannot start a process") : pid;
}

/* Both sides at once, with the pipe between ours and the session's stdin or stdout. */
static int copy(const char *id, bool in, bool archive, const struct where *w, struct err *err)
{
    const char *const pack[] = {"pack", w->from, w->member, NULL}, *const unpack[] = {"unpack", w->to, NULL};
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cp: cannot create a pipe");
    pid_t local = start_local(w, in, archive, ends[in ? 1 : 0], err);
    dup2(ends[in ? 0 : 1], in ? STDIN_FILENO : STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    int code = local < 0 ? -1 : in ? run_unpack(id, unpack, err) : run_pack(id, pack, err);
    close(in ? STDIN_FILENO : STDOUT_FILENO); /* the other one sees the end */
    if (local > 0 && process_wait(local, &status) < 0)
        return err_sys(err, "cp: cannot wait for the other side");
    return code != 0 ? code : status != 0;
}

/* With our stdin or stdout as the archive, in which a folder has its name. */
static int copy_stream(const char *id, const char *path, bool in, struct err *err)
{
    struct where w;
    const char *const pack[] = {"pack", w.from, w.member, NULL}, *const unpack[] = {"unpack", path, NULL};
    if (in)
        return run_unpack(id, unpack, err);
    if (isatty(STDOUT_FILENO))
        return err_set(err, "cp: an archive cannot go to a terminal: redirect stdout to a file or a pipe");
    if (where_copy(path, PROTO_COPY_FILE, ".", PROTO_COPY_FOLDER, &w, err) < 0)
        return -1;
    if (!w.member[0])
        strcpy(w.member, ".");
    return run_pack(id, pack, err);
}

int ctl_cp(const char *id, char **argv, struct err *err)
{
    struct where w = {0};
    enum proto_copy from_kind, to_kind;
    bool archive = argv[1] && (strcmp(argv[1], "-a") == 0 || strcmp(argv[1], "--archive") == 0);
    argv += archive;
    if (argv[1] && strcmp(argv[1], "--") == 0)
        argv++;
    if (!argv[1] || !argv[2] || argv[3])
        return err_set(err, "cp: usage: cp [-a] PATH :PATH, or cp [-a] :PATH PATH");
    struct end from = parse_end(argv[1]), to = parse_end(argv[2]);
    if (from.guest == to.guest || !*from.path || !*to.path)
        return err_set(err, "cp: one of the paths must be the guest's, with a colon in front: %s",
                       from.guest ? argv[2] : argv[1]);
    if (strcmp(from.path, "-") == 0 || strcmp(to.path, "-") == 0)
        return copy_stream(id, from.guest ? from.path : to.path, to.guest, err);
    size_t len = strlen(from.path);
    if (kind_of(id, &from, from.path[len - 1] == '/', &from_kind, err) < 0 || kind_of(id, &to, true, &to_kind, err) < 0)
        return -1;
    if (where_copy(from.path, from_kind, to.path, to_kind, &w, err) < 0)
        return -1;
    return copy(id, to.guest, archive, &w, err);
}
