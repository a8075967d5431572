/* The local control socket between ctr-jailer and entry: `control` in a VM's folder of LOCAL_DIR, which only root may
 * enter.  A path and not an abstract name: those are reached by all containers of a network namespace. */
#ifndef CTR_LOCAL_H
#define CTR_LOCAL_H

#include <sys/types.h>

#define LOCAL_DIR "/run/ctr-jailer"

enum { LOCAL_PATH = 96 }; /* a folder's path, with its NUL: what a socket's address has room for, less its name */

/* Listens in a VM's folder.  A descriptor, or -1 with errno. */
int local_listen(const char *folder);

/* Accepts a connection; the next one's descriptor when the peer is root, else -1. */
int local_accept(int listener);

/* Connects to the VM of a folder; *pid (may be NULL) is its entry's, 0 when that is in a PID namespace that we cannot
 * see.  A descriptor, or -1 with errno (ENOENT, ECONNREFUSED: none runs; EPERM: it is not root's). */
int local_connect(const char *folder, pid_t *pid);

/* Calls found for each folder in LOCAL_DIR: a VM's, alive or dead.  -1 with errno when it cannot be read; that it does
 * not exist is none. */
int local_list(void (*found)(void *arg, const char *id), void *arg);

#endif
