/* What VMs that were killed left on disk, or that ran when the host went down: the folder of a jail, and the
 * named file of a disk.  Whoever makes one holds a lock on it (flock(2)), which ends with the process, holds in
 * every namespace, and so tells the living from the dead. */
#ifndef CTR_ORPHANS_H
#define CTR_ORPHANS_H

/* flock(2).  A removal of orphans, or the keeper of a VM that was killed, has it for a moment more and is waited for;
 * a VM that lives has it longer: -1 with errno EWOULDBLOCK after 5 seconds. */
int orphans_await_lock(int fd);

/* Makes sure that what fd has open is ours and still called path: 1 when it is, 0 when an orphan's end took it
 * away before we had the lock (make it again), -1 with errno. */
int orphans_lock(int fd, const char *path);

/* Removes the empty folders in dir that nobody has locked. */
void orphans_remove_folders(const char *dir);

/* Removes the files in dir that are called prefix..., belong to a VM's uid, and that nobody has locked. */
void orphans_remove_files(const char *dir, const char *prefix);

#endif
