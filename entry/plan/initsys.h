/* Init systems: commands that expect to be PID 1. */
#ifndef CTR_INITSYS_H
#define CTR_INITSYS_H

struct initsys {
    const char *name;
    int stop_signal; /* what makes it shut the system down in order */
};

/* The init system that command is in the tree, by its name or by that of the file it links to; without a slash, it is
 * looked for in the directories of search, a list like PATH.  NULL if it is not one, or is a relative path with a
 * slash.  In a sealed image, which cannot be searched, the name alone counts. */
const struct initsys *initsys_find(const char *tree, const char *command, const char *search);

#endif
