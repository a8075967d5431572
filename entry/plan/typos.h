/* Names of variables that are probably meant to be options. */
#ifndef CTR_TYPOS_H
#define CTR_TYPOS_H

/* The option that a variable's name is probably meant to be, as users write it.  NULL: none, or the name is an option.
 * For a name that begins with VM_ it is the nearest there is. */
const char *typos_meant(const char *name);

/* Warns of each such variable in env, once. */
void typos_warn(char *const *env);

#endif
