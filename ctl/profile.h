/* Profiles: settings of `run` under a name, as firebuild has them.  A profile is a JSON file, mode 0600, named after
 * the profile in small letters, in a folder that belongs to this user and that nobody else may write to: it names
 * programs that root runs. */
#ifndef CTR_CTL_PROFILE_H
#define CTR_CTL_PROFILE_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>

#define PROFILE_FOLDER "/etc/ctr-jailer/profiles" /* unless --profile-conf-dir names another */

enum { PROFILE_NAME = 61 }; /* with its NUL */

/* In the order of the file. */
enum profile_field {
    PROFILE_FIRECRACKER,
    PROFILE_JAILER,
    PROFILE_CHROOT,
    PROFILE_CACHE,
    PROFILE_PROVIDER,
    PROFILE_IMAGES, /* properties of the provider: PROFILE_IMAGES and PROFILE_KERNELS */
    PROFILE_KERNELS,
    PROFILE_TRACING,
    PROFILE_COLLECTOR,
    PROFILE_TRACING_LOG,
    PROFILE_FIELDS
};

struct profile {
    char name[PROFILE_NAME];
    char *values[PROFILE_FIELDS]; /* NULL: not set.  A switch is "true" or "false".  Owned. */
};

/* The field's key in the file, which firebuild's flag has too, with -- before it; not for properties. */
const char *profile_key(enum profile_field field);
bool profile_is_property(enum profile_field field);
bool profile_is_switch(enum profile_field field);

/* Starts a profile with that name, in small letters.  -1 with err if it is not a name. */
int profile_start(struct profile *p, const char *name, struct err *err);
void profile_free(struct profile *p);

/* Sets a field.  -1 with err, which begins with what: the value is not one for that field. */
int profile_set(struct profile *p, enum profile_field field, const char *value, const char *what, struct err *err);

/* Whether the profile's programs can be run.  -1 with err. */
int profile_check(const struct profile *p, struct err *err);

/* The file's text: JSON, indented by 2. */
void profile_format(const struct profile *p, struct buf *out);

/* The folder of profiles, with make also where it was missing.  A descriptor, or -1 with err. */
int profile_folder(const char *path, bool make, struct err *err);

/* Reads the profile `name` in the folder at path.  profile_free is allowed also after -1 with err. */
int profile_read(struct profile *p, const char *path, const char *name, struct err *err);

/* Writes it: completely or, with -1 and err, not at all.  One that exists is replaced only with overwrite. */
int profile_write(const struct profile *p, const char *path, bool overwrite, struct err *err);

#endif
