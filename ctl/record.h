/* The record of a VM in the background: ROOT/vms/NAME, which exists from before the VM's start until it is removed. The
 * directories belong to root, mode 0700.
 *
 *   vm.json    what was asked for (ctl/about.h)
 *   pid        of the process that writes the log
 *   log, log.1 the command's output (ctl/logfile.h)
 *   exit       the exit code, once it has ended
 *
 * The process that writes the log holds the directory's lock (flock(2)) as long as it lives; so neither a reused pid
 * nor a reboot misleads anybody.  Whoever makes or removes a record holds the lock of ROOT/vms, too.  A record without
 * vm.json that nobody has locked was left by a killed process, and does not count. */
#ifndef CTR_CTL_RECORD_H
#define CTR_CTL_RECORD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

#define RECORD_ABOUT "vm.json"
#define RECORD_PID "pid"
#define RECORD_EXIT "exit"

enum { RECORD_NAME = 65 }; /* an id, with its NUL */
struct record {
    int all, folder; /* vms, and the record's; -1: none */
    char name[RECORD_NAME];
};
#define RECORD_NONE                                                                                                    \
    {                                                                                                                  \
        .all = -1, .folder = -1                                                                                        \
    }

/* Whether it can be a VM's name: up to 64 of A-Z a-z 0-9 -, and not a flag. */
bool record_is_name(const char *text);

/* Makes and locks a new one.  -1 with err: the name is taken. */
int record_make(struct record *r, const char *root, const char *name, struct err *err);

/* Opens an existing one. -1 with errno; ENOENT if there is none. */
int record_open(struct record *r, const char *root, const char *name);
void record_close(struct record *r);

/* Whether its process lives. */
bool record_lives(const struct record *r);

/* Waits until its process has ended. */
void record_wait(const struct record *r);

/* Replaces one of its files.  -1 with errno. */
int record_write(const struct record *r, const char *file, const char *text, size_t len);

/* The number in a small file; -1 if there is none. */
long record_number(const struct record *r, const char *file);

/* Removes the record that this process holds the lock of. */
void record_drop(const struct record *r);

/* Removes one whose process has ended.  1: it is gone; 0: it lives; -1 with errno. */
int record_remove(const char *root, const char *name);

/* Calls found for each, in the order of their bytes; left: only for those that killed processes left incomplete.  -1
 * with errno. */
int record_list(const char *root, bool left, void (*found)(void *arg, const char *name), void *arg);

#endif
