#include "common/cleanup.h"
#include "ctl/cninet.h"
#include "ctl/inspect.h"

#include <string.h>

/* The value of an option, as entry got it; NULL: not given.  Owned by the caller. */
static char *option(const struct jsonread *about, const char *name)
{
    size_t len = strlen(name);
    for (int i = jsonread_first(about, jsonread_member(about, 0, "options")); i >= 0; i = jsonread_next(about, i)) {
        cleanup_free char *text = jsonread_string(about, i);
        if (text && strncmp(text, name, len) == 0 && text[len] == '=')
            return strdup(text + len + 1);
    }
    return NULL;
}

struct names {
    const char *name, *option;
};

/* Leaves the object open. */
static void add_options(struct json *to, const char *key, const struct jsonread *about, const struct names *list,
                        size_t count)
{
    json_open(to, key, '{');
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *value = option(about, list[i].option);
        json_string(to, list[i].name, value);
    }
}

/* Values are secrets. */
static void add_environment(struct json *to, const struct inspected *vm)
{
    json_open(to, "EnvVars", '{');
    const struct jsonread *j = &vm->about;
    for (int i = jsonread_first(j, jsonread_member(j, 0, "environment")); i >= 0; i = jsonread_next(j, i)) {
        cleanup_free char *text = jsonread_string(j, i);
        char *equals = text ? strchr(text, '=') : NULL;
        if (!equals)
            continue;
        *equals = '\0';
        json_string(to, text, vm->show_environment ? equals + 1 : NULL);
    }
    json_close(to, '}');
}

static void add_text(struct json *to, const char *name, const struct jsonread *j, const char *key)
{
    cleanup_free char *value = jsonread_string(j, jsonread_member(j, 0, key));
    json_string(to, name, value);
}

static int cni_of(const struct inspected *vm)
{
    return vm->kept ? jsonread_member(&vm->about, 0, "cni") : -1;
}

static void add_member(struct json *to, const char *name, const struct inspected *vm, const char *key)
{
    cleanup_free char *value = jsonread_string(&vm->about, jsonread_member(&vm->about, cni_of(vm), key));
    json_string(to, name, value);
}

static void add_netns(struct json *to, const struct inspected *vm)
{
    cleanup_buf struct buf path = {0};
    buf_fmt(&path, CNINET_DIR CNINET_PREFIX "%s", vm->id);
    json_string(to, "NetNS", cni_of(vm) < 0 ? NULL : path.data);
}

void inspect_cni(struct json *to, const struct inspected *vm)
{
    if (cni_of(vm) < 0)
        return;
    json_open(to, "CNI", '{');
    json_string(to, "VethName", CNINET_INTERFACE);
    add_member(to, "NetName", vm, "network");
    add_netns(to, vm);
    json_close(to, '}');
}

void inspect_config(struct json *to, const struct inspected *vm)
{
    static const struct names jailer[] = {
        {"BinaryFirecracker", "VM_FIRECRACKER_BIN"}, {"BinaryJailer", "VM_JAILER_BIN"}, {"ChrootBase", "VM_JAIL_BASE"}};
    static const struct names machine[] = {{"CPU", "VCPU_COUNT"},          {"CPUTemplate", "VM_CPU_TEMPLATE"},
                                           {"IPAddress", "GUEST_IP"},      {"Mem", "MEM_SIZE_MIB"},
                                           {"VMLinux", "VM_KERNEL_IMAGE"}, {"KernelArgs", "KERNEL_BOOT_ARGS"},
                                           {"Network", "VM_NETWORK"}};
    if (!vm->kept)
        return;
    size_t len;
    const char *command = jsonread_raw(&vm->about, jsonread_member(&vm->about, 0, "command"), &len);
    cleanup_free char *ports = option(&vm->about, "VM_PORTS"), *volumes = option(&vm->about, "VM_VOLUMES");
    json_open(to, "Configs", '{');
    json_open(to, "CNI", '{');
    add_member(to, "BinDir", vm, "plugins");
    add_member(to, "ConfDir", vm, "networks");
    add_member(to, "CacheDir", vm, "cache");
    json_close(to, '}');
    add_options(to, "Jailer", &vm->about, jailer, sizeof(jailer) / sizeof(*jailer));
    add_netns(to, vm);
    json_close(to, '}');
    add_options(to, "Machine", &vm->about, machine, sizeof(machine) / sizeof(*machine));
    add_member(to, "CniNetworkName", vm, "network");
    json_close(to, '}');
    json_open(to, "RunConfig", '{');
    json_bool(to, "Daemonize", true);
    add_environment(to, vm);
    add_text(to, "From", &vm->about, "from");
    add_text(to, "Hostname", &vm->about, "hostname");
    json_string(to, "Name", vm->id);
    json_string(to, "Ports", ports);
    json_string(to, "Volumes", volumes);
    if (command)
        json_raw(to, "Command", command, len);
    json_close(to, '}');
    json_close(to, '}');
}
