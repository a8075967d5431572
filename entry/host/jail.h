/* The chroot that Firecracker runs in, and its process: a PID namespace whose first process ends with us and which
 * contains the jailer, which becomes Firecracker. */
#ifndef CTR_JAIL_H
#define CTR_JAIL_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The files that are there from the beginning. */
enum { JAIL_KERNEL, JAIL_INITRD, JAIL_FILES };

/* VMs' uids are from a range that nothing else assigns: systemd's table (docs/UIDS-GIDS.md) leaves 1879048192 to
 * 2147483647 unused.  A VM has four, from a multiple of four on: Firecracker's, the next for us once we supervise it,
 * one for the servers of shares, and one for mke2fs, which runs while Firecracker starts. */
enum { JAIL_UIDS = 4 };

static inline uid_t jail_uid(uint32_t random)
{
    return 0x70000000 | (random & 0x0ffffffc);
}

static inline bool jail_uid_is_ours(uid_t uid)
{
    return uid >> 28 == 7;
}

struct jail_file {
    const char *source; /* on the host */
    const char *name;   /* in the chroot, without a slash */
    bool writable;
    int fd; /* the file that source must still be, if another user owns its directory; -1: any */
};

struct jail_plan {
    const char *dir;  /* the workdir: BASE/EXEC/ID */
    const char *base; /* BASE */
    const char *id;
    const char *firecracker, *jailer;
    const char *api_socket, *log, *metrics; /* paths inside the chroot */
    uid_t uid;
    gid_t gid;
    uint64_t capabilities;    /* what the jailer can have (common/privilege.h); Firecracker has none */
    uid_t supervisor;         /* the user that this process will become, and the jail's first one too */
    const char *const *extra; /* more arguments for the jailer, up to a NULL */
    struct jail_file files[JAIL_FILES];
};

struct jail {
    int root;    /* descriptor of the chroot folder */
    int run;     /* of its /run: control sockets */
    int console; /* what Firecracker prints: the guest's serial console and its own messages; may be -1 */
    int log;     /* Firecracker's log, a FIFO */
    int metrics; /* its metrics, another */
    int pid_fd;  /* its first process: readable once all of them have ended; -1: not started */
    int report;  /* jail_explain reads it */
    pid_t pid;   /* the same */
};
#define JAIL_NONE                                                                                                      \
    {                                                                                                                  \
        .root = -1, .run = -1, .console = -1, .log = -1, .metrics = -1, .pid_fd = -1, .report = -1                     \
    }

/* Fills in *j, a JAIL_NONE: makes the chroot and mounts the plan's files in it, read-only unless writable.  -1 with
 * err; call jail_remove then too. */
int jail_make(const struct jail_plan *plan, struct jail *j, struct err *err);

/* Starts the jailer in it. */
int jail_start(const struct jail_plan *plan, struct jail *j, struct err *err);

/* Mounts one more file in it, before or while the jailer or Firecracker runs.  -1 with err. */
int jail_add(const struct jail_plan *plan, const struct jail *j, const struct jail_file *file, struct err *err);

/* From now on, nothing that is mounted on the host, wherever, appears in it.  -1 with err. */
int jail_complete(const struct jail *j, struct err *err);

/* Once the VM runs: closes the descriptors of the chroot. */
void jail_close(struct jail *j);

/* After pid_fd became readable early: sets err to how the jailer or Firecracker ended and what it said last.
 * Always -1. */
int jail_explain(struct jail *j, struct err *err);

/* Kills what runs in it and waits for its end.  Takes a struct jail. */
void jail_remove(void *j);

#endif
