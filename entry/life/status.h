/* What `ctr-jailer status` tells. */
#ifndef CTR_STATUS_H
#define CTR_STATUS_H

#include "netsetup/netplan.h"
#include "netsetup/takeover.h"

/* The state of a VM, and the reason why a run of the container ended.  Code compares these values; their names are for
 * people and scripts. */
enum status_state { STATUS_BOOTING, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPING, STATUS_PANICKED };
enum status_reason {
    STATUS_FAILED,
    STATUS_EXITED,
    STATUS_STOPPED,
    STATUS_STOP_TIMEOUT,
    STATUS_BOOT_TIMEOUT,
    STATUS_KERNEL_PANIC,
    STATUS_OUT_OF_MEMORY
};
const char *status_state_name(enum status_state state);

/* How a run of the container ended. */
struct status_end {
    int code;        /* -1: not known */
    char reason[24]; /* the word for it, "killed" when that run could not say one; "": not known */
};

/* A watched process: its pid in our PID namespace, and two files of its directory in /proc.  The files stay open and
 * are read again and again, because nothing can be opened any more by then (common/sandbox.h). */
struct status_process {
    int64_t pid; /* -1: not known, and so are the files */
    int stat, status;
};
#define STATUS_PROCESS_NONE                                                                                            \
    {                                                                                                                  \
        -1, -1, -1                                                                                                     \
    }

/* The facts known when the VM starts.  Times are those of loop_now. */
struct status_facts {
    uint64_t begun;               /* this process */
    uint64_t started;             /* Firecracker's InstanceStart */
    const struct net_link *link;  /* NULL: no nat */
    const struct takeover *taken; /* NULL: no takeover */
    const struct net_ports *ports;
    struct status_process firecracker;
    int64_t restarts;
    struct status_end last;  /* the run before this one */
    const char *healthcheck; /* VM_HEALTHCHECK_CMD; NULL: none */
};

/* What the guest reports when its command has started. */
struct status_boot {
    uint64_t exec;             /* when that was; 0: it has not */
    uint32_t exec_ms, init_ms; /* of the guest's clock, which starts with its kernel */
    uint32_t pid;              /* the command's, in the guest */
};

/* Writes it as JSON, or as lines.  (json-c, of the fuzz targets, has a json_bool of its own: no json.h here.) */
struct json;
void status_fill(const char *id, const char *state, const struct status_facts *facts, const struct status_boot *boot,
                 struct json *j);

/* Milliseconds from this process's start to each phase of the boot; -1: not yet. */
enum { STATUS_PHASES = 4 };
extern const char *const status_phase_names[STATUS_PHASES];
void status_phases(const struct status_facts *f, const struct status_boot *b, int64_t ms[STATUS_PHASES]);

/* Firecracker's, by the jail's first process, while it runs.  The files stay open as long as this process. */
struct status_process status_firecracker(pid_t jail);

/* Fills in restarts and last from a file in the container's own filesystem, which counts its starts and records how the
 * previous run ended.  A descriptor for status_ended; -1, with restarts -1 too, if the file cannot be written, or we
 * are not a container's first process.  Call it once. */
int status_begin(struct status_facts *facts);

/* For the next run. */
void status_ended(int file, int code, enum status_reason reason);

#endif
