#include "ctl/root.h"

#include "common/array.h"
#include "ctl/args.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

bool root_take(struct root *r, char ***arg)
{
    const struct {
        const char *name, **to;
    } flags[] = {{"--root", &r->given}, {"--profile", &r->profile}, {"--profile-conf-dir", &r->folder}};
    for (size_t i = 0; i < COUNT(flags); i++) {
        const char *value = args_value(arg, flags[i].name);
        if (value) {
            *flags[i].to = value;
            return true;
        }
    }
    return false;
}

const char *root_find(struct root *r, enum profile_field field, struct err *err)
{
    struct profile p;
    const char *path = STORE_ROOT;
    int rc = r->profile ? profile_read(&p, r->folder ? r->folder : PROFILE_FOLDER, r->profile, err) : 0;
    if (r->given)
        path = r->given;
    else if (r->profile && rc == 0 && p.values[field])
        path = p.values[field];
    r->path = rc < 0 ? NULL : strdup(path);
    if (r->profile)
        profile_free(&p);
    return r->path || rc < 0 ? r->path : (err_set(err, "out of memory"), NULL);
}

void root_free(struct root *r)
{
    free(r->path);
    r->path = NULL;
}
