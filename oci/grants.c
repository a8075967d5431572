#include "oci/grants.h"

#include "common/array.h"

#include <string.h>

static const char *const capabilities[] = {"CAP_SYS_ADMIN", "CAP_MKNOD",        "CAP_CHOWN", "CAP_SETUID",
                                           "CAP_SETGID",    "CAP_DAC_OVERRIDE", "CAP_KILL",  "CAP_NET_ADMIN"};
/* For a firewall of iptables-legacy, and ports below 1024. */
static const char *const host_capabilities[] = {"CAP_NET_RAW", "CAP_NET_BIND_SERVICE"};

static const struct {
    const char *path;
    unsigned major, minor; /* Linux Documentation/admin-guide/devices.txt */
} devices[] = {{"/dev/kvm", 10, 232}, {"/dev/net/tun", 10, 200}, {"/dev/fuse", 10, 229}};

/* Of every container (runtime-spec, config-linux.md, Default Devices). */
static const char *const usual[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

static void names(struct json *j, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_string(j, NULL, list[i]);
}

static void sets(struct json *j, enum grants_need need)
{
    static const char *const given[] = {"bounding", "effective", "permitted"};
    json_open(j, "capabilities", '{');
    for (size_t i = 0; i < COUNT(given); i++) {
        json_open(j, given[i], '[');
        if (need != GRANTS_NOTHING)
            names(j, capabilities, COUNT(capabilities));
        if (need == GRANTS_ENTRY_ON_HOST)
            names(j, host_capabilities, COUNT(host_capabilities));
        json_close(j, ']');
    }
    json_close(j, '}');
}

void grants_process(struct json *j, enum grants_need need)
{
    json_string(j, "cwd", "/");
    json_open(j, "user", '{');
    json_number(j, "uid", 0);
    json_number(j, "gid", 0);
    json_close(j, '}');
    sets(j, need);
    json_bool(j, "noNewPrivileges", true);
}

void grants_devices(struct json *j)
{
    json_open(j, "devices", '[');
    for (size_t i = 0; i < COUNT(devices); i++) {
        json_open(j, NULL, '{');
        json_string(j, "path", devices[i].path);
        json_string(j, "type", "c");
        json_number(j, "major", devices[i].major);
        json_number(j, "minor", devices[i].minor);
        json_number(j, "fileMode", 0600);
        json_number(j, "uid", 0);
        json_number(j, "gid", 0);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void grants_device_rules(struct json *j)
{
    json_open(j, "devices", '[');
    json_open(j, NULL, '{');
    json_bool(j, "allow", false);
    json_string(j, "access", "rwm");
    json_close(j, '}');
    for (size_t i = 0; i < COUNT(devices); i++) {
        json_open(j, NULL, '{');
        json_bool(j, "allow", true);
        json_string(j, "type", "c");
        json_number(j, "major", devices[i].major);
        json_number(j, "minor", devices[i].minor);
        json_string(j, "access", "rwm");
        json_close(j, '}');
    }
    json_close(j, ']');
}

bool grants_has_device(const char *path)
{
    for (size_t i = 0; i < COUNT(devices); i++)
        if (strcmp(devices[i].path, path) == 0)
            return true;
    for (size_t i = 0; i < COUNT(usual); i++)
        if (strcmp(usual[i], path) == 0)
            return true;
    return false;
}
