/* Leftovers on disk of VMs that were killed, or that ran when the host went down: jail directories and named disk
 * files.  Their maker holds a lock on each (flock(2)).  The lock ends with the process and holds in every namespace, so
 * it tells live VMs from dead ones. */
#ifndef CTR_ORPHANS_H
#define CTR_ORPHANS_H

/* flock(2).  Waits for a removal of orphans, or for the keeper of a killed VM, which hold the lock for a moment only.
 * A live VM holds it longer: -1 with errno EWOULDBLOCK after 5 seconds. */
int orphans_await_lock(int fd);

/* Checks that the file that fd has open is ours and still called path: 1 if so, 0 if a removal of orphans took it away
 * before we had the lock (make it again), -1 with errno. */
int orphans_lock(int fd, const char *path);

/* Removes the empty directories in dir that nobody has locked. */
void orphans_remove_folders(const char *dir);

/* Removes the files in dir that are called prefix..., belong to a VM's uid, and that nobody has locked. */
void orphans_remove_files(const char *dir, const char *prefix);

#endif
