#include "oci/linux.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "oci/grants.h"

#include <string.h>

#define PODMANS_PIDS "2048" /* without --pids-limit */

struct seen {
    bool privileged; /* all devices are allowed, and listed */
    int devices, namespaces, resources;
};

/* Where a namespace is missing, it is the host's; one with a path is another container's.  The guest has a kernel of
 * its own, so only mount, network, cgroup and UTS namespaces reach it: by what entry reads in them. */
enum kind { NETWORK, PID, IPC, OTHERS };

/* Docker names the host's network namespace, too: EXEC-ROOT/netns/default. */
static bool is_dockers_host(struct walk *w, int namespace)
{
    static const char suffix[] = "/netns/default";
    cleanup_free char *path = jsonread_string(w->json, jsonread_member(w->json, namespace, "path"));
    size_t len = path ? strlen(path) : 0;
    return len >= strlen(suffix) && strcmp(path + len - strlen(suffix), suffix) == 0;
}

static int judge_namespaces(struct walk *w, int item, bool *host_network)
{
    bool there[OTHERS + 1] = {false}, joined[OTHERS + 1] = {false}, default_network = false;
    for (int i = walk_array(w, item, "linux.namespaces"); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *type = walk_string(w, jsonread_member(w->json, i, "type"), "linux.namespaces.type");
        if (!type)
            return -1;
        if (strcmp(type, "user") == 0)
            return err_set(w->err, "linux.namespaces: user namespaces (userns-remap, rootless) are not supported yet");
        if (strcmp(type, "time") == 0)
            return err_set(w->err, "linux.namespaces: time namespaces are not supported");
        enum kind kind = strcmp(type, "network") == 0 ? NETWORK
                         : strcmp(type, "pid") == 0   ? PID
                         : strcmp(type, "ipc") == 0   ? IPC
                                                      : OTHERS;
        there[kind] = true;
        joined[kind] = walk_says(w, jsonread_member(w->json, i, "path"));
        default_network |= kind == NETWORK && is_dockers_host(w, i);
    }
    *host_network = !there[NETWORK] || default_network;
    if (w->err->text[0])
        return -1;
    if (!there[PID] || joined[PID])
        return err_set(w->err, "linux.namespaces: another PID namespace (--pid) is not supported: the VM has its own");
    if (!there[IPC] || joined[IPC])
        walk_warn(w, "linux.namespaces: another IPC namespace (--ipc) is not carried into the VM, which has its own");
    walk_keep(w, "namespaces", item);
    return 0;
}

/* An engine's --privileged lists the host's devices.  In the guest, the command is privileged anyway. */
static int judge_devices(struct walk *w, const struct seen *seen)
{
    for (int i = walk_array(w, seen->devices, "linux.devices"); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *path = walk_string(w, jsonread_member(w->json, i, "path"), "linux.devices.path");
        if (!path)
            return -1;
        if (!seen->privileged && !grants_has_device(path))
            return err_set(w->err, "device %.200s is not supported: the VM has no devices of the host", path);
    }
    grants_devices(&w->to);
    return w->err->text[0] ? -1 : 0;
}

/* {"allow": true, "access": "rwm"} without a type, or with type a. */
static bool allows_all(struct walk *w, int rules)
{
    bool all = false;
    for (int i = jsonread_is(w->json, rules, '[') ? jsonread_first(w->json, rules) : -1; i >= 0;
         i = jsonread_next(w->json, i)) {
        cleanup_free char *type = jsonread_string(w->json, jsonread_member(w->json, i, "type"));
        int major = jsonread_member(w->json, i, "major");
        if (major < 0 && (!type || strcmp(type, "a") == 0))
            all = jsonread_is(w->json, jsonread_member(w->json, i, "allow"), 't');
    }
    return all;
}

static int take_pids(struct walk *w, int item)
{
    int limit = jsonread_member(w->json, item, "limit");
    size_t len;
    const char *raw = jsonread_raw(w->json, limit, &len);
    if (walk_says(w, limit) && *raw != '-' && (len != strlen(PODMANS_PIDS) || memcmp(raw, PODMANS_PIDS, len) != 0))
        walk_warn(w, "linux.resources.pids.limit is not carried into the VM yet");
    return 0;
}

/* The cgroup is that of entry and Firecracker, and the guest is as large as its limits allow. */
static int write_resources(struct walk *w, int item)
{
    static const struct member members[] = {
        {"memory", FATE_KEPT, NULL, NULL, 0},     {"cpu", FATE_KEPT, NULL, NULL, 0},
        {"blockIO", FATE_KEPT, NULL, NULL, 0},    {"network", FATE_KEPT, NULL, NULL, 0},
        {"unified", FATE_KEPT, NULL, NULL, 0},    {"devices", FATE_OURS, NULL, NULL, 0},
        {"pids", FATE_TAKEN, NULL, take_pids, 0}, {"hugepageLimits", FATE_LOST, NULL, NULL, 0},
        {"rdma", FATE_LOST, NULL, NULL, 0}};
    json_open(&w->to, "resources", '{');
    grants_device_rules(&w->to);
    if (walk_members(w, item, "linux.resources", members, COUNT(members)) < 0)
        return -1;
    json_close(&w->to, '}');
    return 0;
}

int linux_write(struct walk *w, int item, bool *host_network)
{
    static const struct member members[] = {
        {"namespaces", FATE_NOTED, NULL, NULL, offsetof(struct seen, namespaces)},
        {"devices", FATE_NOTED, NULL, NULL, offsetof(struct seen, devices)},
        {"resources", FATE_NOTED, NULL, NULL, offsetof(struct seen, resources)},
        {"sysctl", FATE_KEPT, NULL, NULL, 0},
        {"cgroupsPath", FATE_KEPT, NULL, NULL, 0},
        {"maskedPaths", FATE_KEPT, NULL, NULL, 0},
        {"readonlyPaths", FATE_KEPT, NULL, NULL, 0},
        {"seccomp", FATE_OURS, NULL, NULL, 0},
        {"rootfsPropagation", FATE_OURS, NULL, NULL, 0},
        {"mountLabel", FATE_REFUSED, "(SELinux): use --security-opt label=disable", NULL, 0},
        {"uidMappings", FATE_REFUSED, "(userns-remap, rootless) yet", NULL, 0},
        {"gidMappings", FATE_REFUSED, "(userns-remap, rootless) yet", NULL, 0},
        {"intelRdt", FATE_REFUSED, NULL, NULL, 0},
        {"timeOffsets", FATE_REFUSED, NULL, NULL, 0},
        {"personality", FATE_REFUSED, NULL, NULL, 0}};
    struct seen seen = {.devices = -1, .namespaces = -1, .resources = -1};
    w->arg = &seen;
    json_open(&w->to, "linux", '{');
    if (walk_members(w, item, "linux", members, COUNT(members)) < 0)
        return -1;
    seen.privileged = allows_all(w, jsonread_member(w->json, seen.resources, "devices"));
    if (judge_namespaces(w, seen.namespaces, host_network) < 0 || judge_devices(w, &seen) < 0 ||
        write_resources(w, seen.resources) < 0)
        return -1;
    json_close(&w->to, '}');
    return 0;
}
