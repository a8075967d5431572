/* VM_NETWORK=takeover: the engine has already decided everything, so all other network options are refused, and so is a
 * container whose interfaces a guest cannot take over. */
#include "common/array.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "entry/plan/plan.h"
#include "entry/plan/plan_parts.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCESS "cannot be combined with VM_NETWORK=takeover: the guest reaches what the engine's network lets it reach"
/* Options whose subject the engine's own options decide. */
static const struct {
    enum option option;
    const char *instead;
} refused_options[] = {
    {OPT_PORTS, "cannot be combined with VM_NETWORK=takeover: the engine publishes the guest's ports (docker run -p)"},
    {OPT_TAP_IP, "cannot be combined with VM_NETWORK=takeover: the guest has the container's own address"},
    {OPT_GUEST_IP, "cannot be combined with VM_NETWORK=takeover: the engine chooses the address (docker run --ip)"},
    {OPT_GUEST_MAC, "cannot be combined with VM_NETWORK=takeover: the engine chooses it (docker run --mac-address)"},
    {OPT_TAP_DEVICE, "cannot be combined with VM_NETWORK=takeover: there may be several TAPs, named automatically"},
    {OPT_HOST_ACCESS, ACCESS},
    {OPT_GUEST_ACCESS, ACCESS},
};

static void refuse_options(const struct options *o, struct refusals *refused)
{
    struct err err = {0};
    for (size_t i = 0; i < COUNT(refused_options); i++) {
        if (!option_given(o, refused_options[i].option))
            continue;
        option_refuse(&err, o, refused_options[i].option, refused_options[i].instead);
        refusals_take(refused, &err);
    }
}

/* HOST_IFACE names them; no name: all. */
static int name_interfaces(const struct options *o, struct takeover_plan *taken, struct err *err)
{
    size_t count = 0;
    cleanup_free char *copy = strdup(o->value[OPT_HOST_IFACE] ? o->value[OPT_HOST_IFACE] : "");
    char *rest = copy;
    if (!copy)
        return err_set(err, "out of memory");
    for (char *name; (name = strsep(&rest, ","));) {
        if (count == TAKEOVER_CARDS_MAX)
            return option_refuse(err, o, OPT_HOST_IFACE, "names too many interfaces: there may be 8");
        snprintf(taken->ifaces[count++], IFNAMSIZ, "%s", name + strspn(name, " "));
    }
    return 0;
}

/* An option that only nat has; OPT_COUNT: none is given. */
static enum option given_for_nat(const struct options *o)
{
    for (size_t i = 0; i < COUNT(refused_options); i++)
        if (option_given(o, refused_options[i].option))
            return refused_options[i].option;
    return OPT_COUNT;
}

/* The engine's --network none: the loopback interface is the only one that is up. */
static bool has_no_network(void)
{
    struct ifaddrs *all = NULL;
    bool none = getifaddrs(&all) == 0;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        none = none && (!(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK));
    freeifaddrs(all);
    return none;
}

/* nat works wherever takeover does, so whatever is in takeover's way is only told. */
static void choose_network(const struct options *o, struct plan *plan)
{
    struct err why = {0};
    enum option given = given_for_nat(o);
    if (given != OPT_COUNT)
        err_set(&why, "%s is given", option_name(given));
    else if (has_no_network()) {
        plan->network = NETWORK_NONE;
        log_info("VM_NETWORK=auto comes to none: the container has no interface that is up");
        return;
    } else if (takeover_check(&plan->taken, &why) == 0)
        takeover_supported(&why);
    plan->network = why.text[0] ? NETWORK_NAT : NETWORK_TAKEOVER;
    if (why.text[0])
        log_info("VM_NETWORK=auto comes to nat: %s", why.text);
}

void plan_takeover(const struct options *o, struct plan *plan, struct refusals *refused)
{
    struct err err = {0};
    if (plan->network != NETWORK_TAKEOVER && plan->network != NETWORK_AUTO)
        return;
    snprintf(plan->taken.id, sizeof(plan->taken.id), "%s", plan->id);
    memcpy(plan->taken.dns, plan->net.dns, sizeof(plan->taken.dns));
    int named = name_interfaces(o, &plan->taken, &err);
    refusals_take(refused, &err);
    if (plan->network == NETWORK_AUTO) {
        choose_network(o, plan);
        return;
    }
    refuse_options(o, refused);
    if (named == 0)
        takeover_check(&plan->taken, &err);
    refusals_take(refused, &err);
}
