/* VM_NETWORK=takeover: the engine has decided everything already, so what else could be said of a network is refused,
 * and so is a container whose interfaces the guest could not have. */
#include "common/array.h"
#include "entry/plan/plan.h"
#include "entry/plan/plan_parts.h"

#include <stdio.h>
#include <string.h>

/* What the engine's own options say. */
static const struct {
    enum option option;
    const char *instead;
} refused_options[] = {
    {OPT_PORTS, "cannot be combined with VM_NETWORK=takeover: the engine publishes the guest's ports (docker run -p)"},
    {OPT_TAP_IP, "cannot be combined with VM_NETWORK=takeover: the guest has the container's own address"},
    {OPT_GUEST_IP, "cannot be combined with VM_NETWORK=takeover: the engine chooses the address (docker run --ip)"},
    {OPT_GUEST_MAC, "cannot be combined with VM_NETWORK=takeover: the engine chooses it (docker run --mac-address)"},
    {OPT_TAP_DEVICE, "cannot be combined with VM_NETWORK=takeover: there may be several TAPs, named automatically"},
};

static void refuse_options(const struct options *o, struct refusals *refused)
{
    struct err err = {0};
    for (size_t i = 0; i < COUNT(refused_options); i++) {
        if (!o->value[refused_options[i].option])
            continue;
        option_refuse(&err, o, refused_options[i].option, refused_options[i].instead);
        refusals_take(refused, &err);
    }
    static const enum option access[] = {OPT_HOST_ACCESS, OPT_GUEST_ACCESS};
    for (size_t i = 0; i < 2; i++) {
        if (!o->number[access[i]])
            continue;
        option_refuse(
            &err, o, access[i],
            "cannot be combined with VM_NETWORK=takeover: the guest reaches what the engine's network lets it reach");
        refusals_take(refused, &err);
    }
}

void plan_takeover(const struct options *o, struct plan *plan, struct refusals *refused)
{
    struct err err = {0};
    const char *iface = o->value[OPT_HOST_IFACE];
    refuse_options(o, refused);
    snprintf(plan->taken.id, sizeof(plan->taken.id), "%s", plan->id);
    snprintf(plan->taken.ifaces[0], sizeof(plan->taken.ifaces[0]), "%s", iface ? iface : "");
    takeover_check(&plan->taken, &err);
    refusals_take(refused, &err);
    memcpy(plan->taken.dns, plan->net.dns, sizeof(plan->taken.dns));
}
