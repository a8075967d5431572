/* The local control socket between ctr-jailer and entry: `control` in a VM's folder of LOCAL_DIR, which only root may
 * enter.  It is a path, not an abstract name, since all containers of a network namespace can reach abstract names. */
#ifndef CTR_LOCAL_H
#define CTR_LOCAL_H

#include <stdbool.h>
#include <sys/types.h>

#define LOCAL_DIR "/run/ctr-jailer"

/* the longest path of a directory, with its NUL: the room in a socket address, minus the socket's name */
enum { LOCAL_PATH = 96 };

/* Listens in a VM's folder.  A descriptor, or -1 with errno. */
int local_listen(const char *folder);

/* Whether a connection's other end is root. */
bool local_is_root(int fd);

/* Connects to the VM of a directory.  *pid (may be NULL) is its entry's, or 0 if that entry is in a PID namespace that
 * we cannot see.  A descriptor, or -1 with errno (ENOENT, ECONNREFUSED: no VM runs; EPERM: the listener is not root).
 */
int local_connect(const char *folder, pid_t *pid);

/* Calls found for each directory in LOCAL_DIR: one per VM, alive or dead.  -1 with errno if LOCAL_DIR cannot be read; a
 * missing LOCAL_DIR has no VMs. */
int local_list(void (*found)(void *arg, const char *id), void *arg);

#endif
