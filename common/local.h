/* The local control socket between ctr-jailer and entry: an abstract UNIX socket @ctr-jailer/ID/control in
 * the network namespace, which needs no file and ends with its process (unix(7)). */
#ifndef CTR_LOCAL_H
#define CTR_LOCAL_H

#include <sys/types.h>

/* Listens for one VM.  A descriptor, or -1 with errno (EADDRINUSE: the id is taken). */
int local_listen(const char *id);

/* Accepts a connection; the next one's descriptor when the peer is root or our own uid, else -1. */
int local_accept(int listener);

/* Connects to a VM; *pid (may be NULL) is its entry's, 0 when that is in a PID namespace that we cannot see.
 * A descriptor, or -1 with errno. */
int local_connect(const char *id, pid_t *pid);

/* Calls found for the id of every VM in this network namespace. */
void local_list(void (*found)(void *arg, const char *id), void *arg);

#endif
