#include "ctl/root.h"

#include "common/array.h"
#include "ctl/args.h"
#include "store/store.h"

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
    if (r->profile && profile_read(&r->values, r->folder ? r->folder : PROFILE_FOLDER, r->profile, err) < 0)
        return NULL;
    return r->given ? r->given : r->values.values[field] ? r->values.values[field] : STORE_ROOT;
}

void root_free(struct root *r)
{
    profile_free(&r->values);
}
