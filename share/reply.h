/* What the operations share: the share itself, names for what an O_PATH descriptor holds, entries and errors. */
#ifndef CTR_SHARE_REPLY_H
#define CTR_SHARE_REPLY_H

#include "share/handles.h"
#include "share/nodes.h"
#include "share/ops.h"

#include <pthread.h>
#include <stdbool.h>

/* Seconds for which the guest uses a name and attributes without asking again; then it sees the host's changes. */
#define SHARE_TIMEOUT 1.0

struct share {
    struct nodes *nodes;
    struct handles *handles;
    dev_t dev;   /* of the folder */
    bool suid;   /* the guest may make set-user-id files, and set file capabilities */
    bool remote; /* the file system reports a failed write when the file is closed */
    /* held while a mode with set-user-id bits, or an owner, is set: the two decide together */
    pthread_mutex_t owners;
};

static inline struct share *share_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* The name of a descriptor in the working directory, which is /proc/self/fd (share/serve.c).  The name leads to the
 * file itself, for system calls that do not take an O_PATH descriptor. */
struct fd_name {
    char text[12];
};
struct fd_name fd_name(int fd);

/* The attributes of the file that fd (O_PATH or not) refers to.  -1 with errno. */
int attributes_read(int fd, struct statx *st);
struct stat attributes_of(const struct share *s, const struct statx *st);

/* Looks up an entry of a folder (a descriptor), and counts that.  -1 with errno. */
int entry_find(struct share *s, int folder, const char *name, struct fuse_entry_param *e);

/* The same for the file that fd, an O_PATH descriptor, refers to; takes fd. */
int entry_enter(struct share *s, int fd, struct fuse_entry_param *e);

/* The reply to a request that has made an entry, or looked one up; made < 0: errno says why not. */
void reply_entry(fuse_req_t req, int made, int folder, const char *name);

/* The reply that says whether a system call succeeded: r, and errno if it is negative. */
void reply_result(fuse_req_t req, int r);

/* The reply that says errno. */
void reply_errno(fuse_req_t req);

/* CHECK_DATA_MAX bytes of this thread's, for a reply. */
char *reply_buffer(void);
void reply_buffer_set(char *buffer);

#endif
