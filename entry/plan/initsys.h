/* Init systems: commands that expect to be PID 1. */
#ifndef CTR_INITSYS_H
#define CTR_INITSYS_H

struct initsys {
    const char *name;
    int stop_signal; /* what makes it shut the system down in order */
};

/* The init system that command is in the tree, by its name or by that of the file it links to; without a slash, it is
 * looked for in the folders of search, as PATH has them.  NULL when it is none, or a path from another folder than /.
 * Of a sealed image, which cannot be looked into, the name alone counts. */
const struct initsys *initsys_find(const char *tree, const char *command, const char *search);

#endif
