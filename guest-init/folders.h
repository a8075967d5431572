/* Folders on the way to something that is about to be made. */
#ifndef CTR_GUEST_FOLDERS_H
#define CTR_GUEST_FOLDERS_H

/* Makes the folders above path that are missing; path is as before when this returns.  What cannot be made shows
 * when path itself is. */
void folders_above(char *path);

#endif
