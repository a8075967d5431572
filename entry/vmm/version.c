#include "entry/vmm/version.h"

#include "common/array.h"
#include "entry/vmm/vmmplan.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Versions 1.N; nothing that every VM has may need more than the oldest. */
enum { OLDEST = 12 };

/* Features that need a newer version, from Firecracker's CHANGELOG.md. */
static const struct {
    size_t asked; /* the plan's bool that asks for the feature */
    unsigned since;
    const char *what;
} features[] = {
    {offsetof(struct vmm_plan, report_free), 14, "VM_MEM_RECLAIM=yes (free page reporting)"},
};

int version_check(const char *text, const struct vmm_plan *plan, struct err *err)
{
    unsigned major, minor;
    if (sscanf(text, "%u.%u.", &major, &minor) != 2)
        return err_set(err, "VM_FIRECRACKER_BIN: the version %.32s is not a number", text);
    if (major == 0 || (major == 1 && minor < OLDEST))
        return err_set(err, "VM_FIRECRACKER_BIN: Firecracker %.32s is too old: 1.%d or newer is needed", text, OLDEST);
    for (size_t i = 0; i < COUNT(features); i++)
        if (*((const char *)plan + features[i].asked) && major == 1 && minor < features[i].since)
            return err_set(err, "%s needs Firecracker 1.%u or newer; VM_FIRECRACKER_BIN is %.32s", features[i].what,
                           features[i].since, text);
    return 0;
}

bool version_resumes(const char *text)
{
    return strcmp(text, "1.16.0") != 0 && strcmp(text, "1.16.1") != 0;
}
