/* ctr-jailer, the command for people: one file a subcommand, found in main.c's table. */
#ifndef CTR_CTL_H
#define CTR_CTL_H

#include "common/err.h"
#include "common/proto.h"

/* argv[0] is the subcommand's name; fd is connected to the VM's entry and becomes the subcommand's.  An exit
 * code, or -1 with err. */
int ctl_exec(int fd, char **argv, struct err *err);
int ctl_status(int fd, char **argv, struct err *err);
int ctl_logs(int fd, char **argv, struct err *err);
int ctl_stop(int fd, char **argv, struct err *err);

/* Finds the VM (id may be NULL: the only one whose entry we can see) and connects to it.  A descriptor, or
 * -1 with err. */
int ctl_connect(const char *id, struct err *err);

/* Sends one request and waits for the answer's text, which it adds to out.  Takes fd.  -1 with err. */
int ctl_ask(int fd, enum proto_type type, struct buf *out, struct err *err);

#endif
