/* NAME=value strings in NULL-terminated arrays: settings (common/settings.h), environments. */
#ifndef CTR_INIT_LISTS_H
#define CTR_INIT_LISTS_H

/* The value of a NAME=value string; NULL: the string has another name. */
char *lists_value_of(char *string, const char *name);

/* The value of NAME in NAME=value strings, or NULL. */
const char *lists_value(char *const *list, const char *name);

#endif
