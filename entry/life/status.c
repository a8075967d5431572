#include "entry/life/status.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"
#include "common/num.h"
#include "common/units.h"
#include "entry/life/netjson.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STATE_DIR "/var/lib/ctr-jailer"
#define STATE STATE_DIR "/starts"

static const char *const state_names[] = {[STATUS_BOOTING] = "booting",
                                          [STATUS_RUNNING] = "running",
                                          [STATUS_PAUSED] = "paused",
                                          [STATUS_STOPPING] = "stopping",
                                          [STATUS_PANICKED] = "panicked"};

static const char *const reason_names[] = {[STATUS_FAILED] = "failed",
                                           [STATUS_EXITED] = "exited",
                                           [STATUS_STOPPED] = "stopped",
                                           [STATUS_STOP_TIMEOUT] = "stop-timeout",
                                           [STATUS_BOOT_TIMEOUT] = "boot-timeout",
                                           [STATUS_KERNEL_PANIC] = "panicked",
                                           [STATUS_OUT_OF_MEMORY] = "out-of-memory"};

const char *status_state_name(enum status_state state)
{
    return state_names[state];
}

/* A number that may not be known. */
static void put_number(struct json *j, const char *key, int64_t value)
{
    if (value < 0)
        json_string(j, key, NULL);
    else
        json_number(j, key, (uint64_t)value);
}

/* The jail's first process has one child: the jailer, which has become Firecracker. */
struct status_process status_firecracker(pid_t jail)
{
    struct status_process p = STATUS_PROCESS_NONE;
    char path[64];
    uint64_t pid;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", jail, jail);
    cleanup_free char *text = io_read_file(AT_FDCWD, path, 4096, NULL);
    if (text)
        text[strcspn(text, " \n")] = '\0';
    if (!text || num_parse(text, 1, INT32_MAX, &pid) < 0)
        return p;
    p.pid = (int64_t)pid;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    p.stat = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    p.status = open(path, O_RDONLY | O_CLOEXEC);
    return p;
}

static int64_t since(uint64_t begun, uint64_t ns)
{
    return ns > begun ? (int64_t)((ns - begun) / MILLISECOND) : 0;
}

const char *const status_phase_names[STATUS_PHASES] = {"firecracker", "kernel", "init", "exec"};

/* The guest's clock is put in by its last event, which we saw. */
void status_phases(const struct status_facts *f, const struct status_boot *b, int64_t ms[STATUS_PHASES])
{
    uint64_t kernel = b->exec - b->exec_ms * UINT64_C(1000000);
    ms[0] = since(f->begun, f->started);
    ms[1] = b->exec ? since(f->begun, kernel) : -1;
    ms[2] = b->exec ? since(f->begun, kernel + b->init_ms * UINT64_C(1000000)) : -1;
    ms[3] = b->exec ? since(f->begun, b->exec) : -1;
}

static void fill_boot(struct json *j, const struct status_facts *f, const struct status_boot *b)
{
    int64_t ms[STATUS_PHASES];
    status_phases(f, b, ms);
    json_open(j, "boot_ms", '{');
    for (int i = 0; i < STATUS_PHASES; i++)
        put_number(j, status_phase_names[i], ms[i]);
    json_close(j, '}');
}

void status_fill(const char *id, const char *state, const struct status_facts *facts, const struct status_boot *boot,
                 struct json *j)
{
    json_open(j, NULL, '{');
    json_string(j, "id", id);
    json_string(j, "state", state);
    netjson_fill(j, facts->link, facts->taken, facts->ports);
    json_open(j, "pids", '{');
    json_number(j, "entry", (uint64_t)getpid());
    put_number(j, "firecracker", facts->firecracker.pid);
    put_number(j, "command_in_guest", boot->exec ? (int64_t)boot->pid : -1);
    json_close(j, '}');
    fill_boot(j, facts, boot);
    put_number(j, "restarts", facts->restarts);
    json_string(j, "last_exit", facts->last.reason[0] ? facts->last.reason : NULL);
    put_number(j, "last_exit_code", facts->last.reason[0] ? facts->last.code : -1);
    json_string(j, "healthcheck", facts->healthcheck);
    json_close(j, '}');
}

/* "STARTS CODE REASON"; only STARTS until the run has ended. */
static int write_file(int fd, const char *text)
{
    return ftruncate(fd, 0) < 0 ? -1 : io_pwrite_all(fd, text, strlen(text), 0);
}

int status_begin(struct status_facts *facts)
{
    unsigned starts = 0;
    char text[64] = "";
    facts->restarts = -1;
    if (getpid() != 1)
        return -1;
    mkdir(STATE_DIR, 0755);
    cleanup_close int fd = open(STATE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || io_pread_full(fd, text, sizeof(text) - 1, 0) < 0)
        return -1;
    int n = sscanf(text, "%u %d %23s", &starts, &facts->last.code, facts->last.reason);
    if (n == 1) { /* it did not come to its end */
        facts->last = (struct status_end){-1, "killed"};
    } else if (n != 3) {
        facts->last = (struct status_end){0};
        starts = 0;
    }
    snprintf(text, sizeof(text), "%u", starts + 1);
    if (write_file(fd, text) < 0)
        return -1;
    facts->restarts = starts;
    return steal_fd(&fd);
}

void status_ended(int file, int code, enum status_reason reason)
{
    char text[64] = "";
    if (file < 0 || io_pread_full(file, text, 16, 0) < 0)
        return;
    size_t len = strlen(text);
    snprintf(text + len, sizeof(text) - len, " %d %s", code, reason_names[reason]);
    (void)write_file(file, text);
}
