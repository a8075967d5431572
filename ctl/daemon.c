/* Three processes belong to a VM in the background:
 *
 * - Entry is as in the foreground, with its stdout and stderr on pipes.
 * - The logger reads them and writes the record's log.  The output comes from the guest, so the logger is confined: it
 *   can write files in the record's directory, and nothing else.
 * - The keeper waits for both, and writes the exit code.  It reads nothing.
 *
 * Keeper and logger have the record's lock, so the record lives as long as one of them does.  Entry does not hold the
 * lock, because it closes descriptors that it does not know.  Both ignore all signals but SIGKILL: they end when entry
 * has ended, which stop, kill and a shutdown of the host ask for. */
#include "ctl/daemon.h"

#include "common/cleanup.h"
#include "common/confine.h"
#include "common/exitcode.h"
#include "common/io.h"
#include "common/jsonread.h"
#include "common/limits.h"
#include "common/local.h"
#include "common/log.h"
#include "common/process.h"
#include "common/signals.h"
#include "ctl/detach.h"
#include "ctl/logfile.h"
#include "ctl/record.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

enum { STATE_MAX = 256 * 1024, LOOK_MS = 20 };

struct outputs {
    int read[LOGFILE_STREAMS], write[LOGFILE_STREAMS];
};

static int make_pipes(struct outputs *o)
{
    *o = (struct outputs){{-1, -1}, {-1, -1}};
    for (int i = 0; i < LOGFILE_STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -1;
        o->read[i] = ends[0];
        o->write[i] = ends[1];
    }
    return 0;
}

/* Until both streams have ended. */
static void copy(struct logfile *log, const int in[LOGFILE_STREAMS])
{
    struct pollfd fds[LOGFILE_STREAMS];
    static char chunk[65536];
    int open = LOGFILE_STREAMS;
    for (int i = 0; i < LOGFILE_STREAMS; i++)
        fds[i] = (struct pollfd){.fd = in[i], .events = POLLIN};
    while (open > 0) {
        if (poll(fds, LOGFILE_STREAMS, -1) < 0)
            continue;
        for (int i = 0; i < LOGFILE_STREAMS; i++) {
            ssize_t n = fds[i].revents ? read(fds[i].fd, chunk, sizeof(chunk)) : -1;
            if (n > 0)
                logfile_add(log, (enum logfile_stream)i, chunk, (size_t)n);
            if (n == 0) {
                fds[i].fd = -1;
                open--;
            }
        }
    }
}

static void run_logger(const struct record *r, const struct outputs *o)
{
    struct err err = {0};
    struct logfile log;
    if (detach_files((int[]){r->folder, o->read[0], o->read[1]}, 3) < 0 || logfile_open(&log, r->folder) < 0)
        _exit(1);
    if (confine_logging(r->folder, &err) < 0) {
        logfile_add(&log, LOGFILE_STDERR, err.text, strlen(err.text));
        logfile_close(&log);
        _exit(1);
    }
    copy(&log, o->read);
    logfile_close(&log);
    _exit(0);
}

static void run_entry(const struct daemon_plan *plan, const struct outputs *o)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(o->write[0], STDOUT_FILENO) >= 0 &&
        dup2(o->write[1], STDERR_FILENO) >= 0) {
        signals_default();
        limits_stack_back();
        execv(plan->program, (char *const *)plan->argv);
    }
    log_error("cannot run %s: %s", plan->program, strerror(errno));
    _exit(EXIT_OURS);
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* If the disk is full, the older part of the log is removed. */
static void write_exit(const struct record *r, int code)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", code);
    if (record_write(r, RECORD_EXIT, text, (size_t)len) == 0)
        return;
    unlinkat(r->folder, LOGFILE_BEFORE, 0);
    (void)record_write(r, RECORD_EXIT, text, (size_t)len);
}

static void write_pid(const struct record *r)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    (void)record_write(r, RECORD_PID, text, (size_t)len);
}

/* Tells entry's pid, and then its exit code. */
static void run_keeper(const struct daemon_plan *plan, const struct record *r, int report)
{
    struct outputs o;
    int status = 0;
    detach_signals();
    write_pid(r);
    if (make_pipes(&o) < 0)
        _exit(1);
    pid_t logger = fork();
    if (logger == 0)
        run_logger(r, &o);
    pid_t entry = logger < 0 ? -1 : fork();
    if (entry == 0)
        run_entry(plan, &o);
    (void)detach_files((int[]){report, r->folder, r->all}, 3);
    if (entry > 0) {
        (void)io_write_all(report, &entry, sizeof(entry));
        process_wait(entry, &status);
    }
    if (logger > 0)
        process_wait(logger, &(int){0});
    int code = entry > 0 ? code_of(status) : EXIT_OURS;
    write_exit(r, code);
    (void)io_write_all(report, &code, sizeof(code));
    if (plan->remove)
        record_drop(r);
    _exit(0);
}

/* Whether the state of that id is of this entry, and has a Firecracker. */
static bool has_started(const char *id, pid_t entry)
{
    char path[sizeof(LOCAL_DIR) + RECORD_NAME + sizeof("/state.json")];
    struct jsonread state;
    size_t len = 0;
    snprintf(path, sizeof(path), LOCAL_DIR "/%.*s/state.json", RECORD_NAME, id);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, STATE_MAX, &len);
    if (!text || jsonread_open(&state, text, len) < 0)
        return false;
    int pids = jsonread_member(&state, 0, "pids");
    bool started = jsonread_number(&state, jsonread_member(&state, pids, "entry")) == (uint64_t)entry &&
                   jsonread_number(&state, jsonread_member(&state, pids, "firecracker")) > 0;
    jsonread_close(&state);
    return started;
}

/* The keeper sends nothing until entry has ended, so this polls from time to time.  0: it has started; 1: it has ended
 * before anybody saw that, with *code; -1: its keeper has. */
static int wait_for_start(const char *id, pid_t entry, int report, int *code)
{
    struct pollfd fd = {.fd = report, .events = POLLIN};
    while (!has_started(id, entry)) {
        int ready = poll(&fd, 1, LOOK_MS);
        if (ready > 0)
            return io_read_full(report, code, sizeof(*code)) == sizeof(*code) ? 1 : -1;
    }
    return 0;
}

/* Entry's own words. */
static void say_why(const struct record *r)
{
    struct logfile_line line;
    size_t len = 0, used;
    cleanup_free char *text = io_read_file(r->folder, LOGFILE, LOGFILE_MAX + LOGFILE_LINE, &len);
    for (char *at = text; at && (used = logfile_next(at, len, &line)) > 0; at += used, len -= used)
        if (line.text) {
            (void)io_write_all(STDERR_FILENO, line.text, line.text_len);
            (void)io_write_all(STDERR_FILENO, "\n", !line.partial);
        }
}

/* What came of the start, as daemon_start returns it.  The record stays with a VM whose keeper was killed. */
static int judge(const struct daemon_plan *plan, const struct record *r, pid_t keeper, int ended, int code,
                 struct err *err)
{
    if (ended == 0 || (ended > 0 && code != EXIT_OURS))
        return 0;
    say_why(r);
    process_wait(keeper, &(int){0});
    if (ended < 0)
        return err_set(err, "run: the process that keeps the VM %s was killed", plan->id);
    record_drop(r);
    return EXIT_OURS;
}

static int begin(const struct daemon_plan *plan, const struct record *r, pid_t *pid, struct err *err)
{
    int ends[2], code = 0;
    if (record_write(r, RECORD_ABOUT, plan->about->data, plan->about->len) < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        err_sys(err, "cannot write the record of the VM %s", plan->id);
        record_drop(r);
        return -1;
    }
    pid_t keeper = fork();
    if (keeper == 0) {
        close(ends[0]);
        run_keeper(plan, r, ends[1]);
    }
    close(ends[1]);
    cleanup_close int report = ends[0];
    if (keeper < 0) {
        err_sys(err, "cannot start a process");
        record_drop(r);
        return -1;
    }
    bool told = io_read_full(report, pid, sizeof(*pid)) == sizeof(*pid);
    int ended = told ? wait_for_start(plan->id, *pid, report, &code) : -1;
    return judge(plan, r, keeper, ended, code, err);
}

int daemon_start(const struct daemon_plan *plan, pid_t *pid, struct err *err)
{
    struct record r;
    if (record_make(&r, plan->root, plan->id, err) < 0)
        return -1;
    int rc = begin(plan, &r, pid, err);
    record_close(&r);
    return rc;
}
