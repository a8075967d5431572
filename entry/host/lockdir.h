/* A directory that exists as long as its VM: made with a lock on it (entry/host/orphans.h), and removed at the end. */
#ifndef CTR_LOCKDIR_H
#define CTR_LOCKDIR_H

enum { LOCKDIR_PATH = 1024 };

struct lockdir {
    char path[LOCKDIR_PATH];
    int depth_made; /* how many of the path's last folders end with the VM */
    int lock;       /* on the last one: what is not locked is an orphan; -1: none */
};
#define LOCKDIR_NONE                                                                                                   \
    {                                                                                                                  \
        .lock = -1                                                                                                     \
    }

/* Makes d->path with its missing parents, and locks it.  At least its last two directories end with the VM, unless
 * another VM uses them, even if killed VMs left them behind.  -1 with errno, and nothing made. */
int lockdir_make(struct lockdir *d);

/* Removes the directories that end with the VM, and releases the lock. */
void lockdir_remove(struct lockdir *d);

#endif
