/* logs: prints the output of a VM in the background (ctl/logfile.h), a VM's console, or Firecracker's log.  A terminal
 * gets all of it as text only.  The log is written by the guest, so this process reads it only after it is confined to
 * that. */
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/num.h"
#include "common/text.h"
#include "ctl/args.h"
#include "ctl/ctl.h"
#include "ctl/logfile.h"
#include "ctl/record.h"
#include "ctl/root.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct logs {
    const char *id;
    struct root at;
    bool follow, times, vmm, console, raw;
    uint64_t tail;
    struct record record;
    int file; /* log, as it was when it was opened */
    struct buf text;
    bool begun[LOGFILE_STREAMS]; /* a line that goes on */
    bool shown[LOGFILE_STREAMS]; /* as text, since it goes to a terminal */
};

static int put(const struct logs *l, const struct logfile_line *line)
{
    static const int to[LOGFILE_STREAMS] = {STDOUT_FILENO, STDERR_FILENO};
    cleanup_buf struct buf out = {0};
    if (l->times && !l->begun[line->stream]) {
        buf_add(&out, line->time, line->time_len);
        buf_str(&out, " ");
    }
    if (l->shown[line->stream])
        text_show_lines(&out, line->text, line->text_len);
    else
        buf_add(&out, line->text, line->text_len);
    buf_str(&out, line->partial ? "" : "\n");
    return buf_failed(&out) ? -1 : io_write_all(to[line->stream], out.data, out.len);
}

/* Prints the complete lines in l->text, except the first ones. */
static int print(struct logs *l, uint64_t skip, struct err *err)
{
    struct logfile_line line;
    size_t used, at = 0;
    for (; (used = logfile_next(l->text.data + at, l->text.len - at, &line)) > 0; at += used) {
        if (!line.text)
            continue;
        if (skip > 0) {
            skip -= !line.partial;
            continue;
        }
        if (put(l, &line) < 0)
            return err_sys(err, "cannot write");
        l->begun[line.stream] = line.partial;
    }
    buf_drop(&l->text, at);
    return 0;
}

static int read_on(struct logs *l, int fd, struct err *err)
{
    char chunk[65536];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        buf_add(&l->text, chunk, (size_t)n);
    return n < 0 || buf_failed(&l->text) ? err_sys(err, "cannot read the log of %s", l->id) : 0;
}

static int open_log(const struct logs *l, const char *name)
{
    return openat(l->record.folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_same(int a, int b)
{
    struct stat one, other;
    return a >= 0 && b >= 0 ? fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_ino == other.st_ino
                            : a < 0 && b < 0;
}

/* Both files, while the first becomes the second now and then. */
static int read_all(struct logs *l, struct err *err)
{
    cleanup_close int before = -1;
    for (bool same = false; !same;) {
        cleanup_close_p(&before);
        cleanup_close_p(&l->file);
        before = open_log(l, LOGFILE_BEFORE);
        l->file = open_log(l, LOGFILE);
        cleanup_close int again = open_log(l, LOGFILE_BEFORE);
        same = is_same(before, again);
    }
    if ((before >= 0 && read_on(l, before, err) < 0) || (l->file >= 0 && read_on(l, l->file, err) < 0))
        return -1;
    struct logfile_line line;
    uint64_t lines = 0;
    for (size_t at = 0, used; (used = logfile_next(l->text.data + at, l->text.len - at, &line)) > 0; at += used)
        lines += line.text && !line.partial;
    return print(l, lines > l->tail ? lines - l->tail : 0, err);
}

/* Prints the lines that were added since, also in a new file. */
static int read_more(struct logs *l, struct err *err)
{
    for (;;) {
        cleanup_close int now = open_log(l, LOGFILE);
        bool same = is_same(now, l->file);
        if ((l->file >= 0 && read_on(l, l->file, err) < 0) || print(l, 0, err) < 0)
            return -1;
        if (same)
            return 0;
        cleanup_close_p(&l->file);
        l->file = steal_fd(&now);
    }
}

/* Until the keeper has ended; by then everything is written. */
static int follow(struct logs *l, int changes, int keeper, struct err *err)
{
    struct pollfd fds[] = {{.fd = changes, .events = POLLIN}, {.fd = keeper, .events = POLLIN}};
    char events[4096];
    while (keeper >= 0 && !fds[1].revents) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return err_sys(err, "cannot wait");
        while (read(changes, events, sizeof(events)) > 0)
            ;
        if (read_more(l, err) < 0)
            return -1;
    }
    return 0;
}

/* A pid is its keeper's if the record still lives after it was opened.  -1: it has ended. */
static int open_keeper(const struct logs *l)
{
    long pid = record_number(&l->record, RECORD_PID);
    cleanup_close int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
    return record_lives(&l->record) ? steal_fd(&fd) : -1;
}

static int print_log(struct logs *l, struct err *err)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", l->record.folder);
    cleanup_close int changes = l->follow ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
    cleanup_close int keeper = l->follow ? open_keeper(l) : -1;
    if (l->follow && (changes < 0 || inotify_add_watch(changes, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0))
        return err_sys(err, "cannot watch the log of %s", l->id);
    l->shown[LOGFILE_STDOUT] = !l->raw && isatty(STDOUT_FILENO);
    l->shown[LOGFILE_STDERR] = !l->raw && isatty(STDERR_FILENO);
    if (confine_reading(l->record.folder, err) < 0)
        return -1;
    return read_all(l, err) < 0 ? -1 : follow(l, changes, keeper, err);
}

static bool take_flag(struct logs *l, const char *arg)
{
    const struct {
        const char *name, *other;
        bool *value;
    } flags[] = {{"-f", "--follow", &l->follow},
                 {"-t", "--timestamps", &l->times},
                 {"--vmm", "", &l->vmm},
                 {"--console", "", &l->console},
                 {"--raw", "", &l->raw}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        if (strcmp(arg, flags[i].name) == 0 || strcmp(arg, flags[i].other) == 0)
            return *flags[i].value = true;
    return false;
}

static int take_args(struct logs *l, char **arg, struct err *err)
{
    for (; *arg; arg++) {
        const char *value;
        bool wrong = false;
        if ((value = args_value(&arg, "--tail")) || (value = args_value(&arg, "-n")))
            wrong = strcmp(value, "all") != 0 && num_parse(value, 0, INT64_MAX, &l->tail) < 0;
        else if (root_take(&l->at, &arg))
            continue;
        else if (**arg != '-' && !l->id)
            l->id = *arg;
        else
            wrong = !take_flag(l, *arg);
        if (wrong)
            return err_set(err, "logs: usage: logs [-f] [--tail N] [-t] [--console] [--vmm] [--raw] [ID]");
    }
    return 0;
}

int ctl_logs(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf text = {0};
    struct logs l = {.id = id, .tail = UINT64_MAX, .record = RECORD_NONE, .file = -1};
    int taken = take_args(&l, argv + 1, err);
    const char *root = taken < 0 ? NULL : root_find(&l.at, PROFILE_CACHE, err);
    if (!root)
        return -1;
    if (l.id && !l.vmm && !l.console && record_open(&l.record, root, l.id) == 0) {
        int rc = print_log(&l, err);
        cleanup_close_p(&l.file);
        buf_free(&l.text);
        record_close(&l.record);
        return rc;
    }
    if (l.follow || l.times || l.tail != UINT64_MAX)
        return err_set(err, "logs: -f, -t and --tail are for the output of a VM in the background, which %s is not",
                       l.id ? l.id : "a console");
    if (ctl_ask(l.id, l.vmm ? PROTO_VMM_LOGS : PROTO_LOGS, PROTO_JSON, true, &text, err) < 0)
        return -1;
    return ctl_print(&text, l.raw, err);
}
