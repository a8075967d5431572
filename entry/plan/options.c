#include "entry/plan/options.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/variables.h"

#include <string.h>

struct row {
    const char *name;
    const char *alias;    /* another name for it, or NULL */
    const char *fallback; /* the value when it is not given, or NULL */
    const char *shown;    /* what --help says of the default when fallback is NULL */
    const char *help;
    struct value_rule value; /* text, unless said otherwise */
};

#define NUMBER(min, max)                                                                                               \
    {                                                                                                                  \
        VALUE_NUMBER, min, max, NULL                                                                                   \
    }
#define CHOICE(words)                                                                                                  \
    {                                                                                                                  \
        VALUE_CHOICE, 0, 0, words                                                                                      \
    }
#define TYPE(type)                                                                                                     \
    {                                                                                                                  \
        type, 0, 0, NULL                                                                                               \
    }
#define FLAG CHOICE("no|yes")

static const struct row rows[OPT_COUNT] = {
    [OPT_ROOTFS_DIR] = {"VM_ROOTFS_DIR", NULL, "/usr/src/app/rootfs", NULL,
                        "the tree, or its sealed image, that becomes the guest's root"},
    [OPT_ROOTFS_FORMAT] = {"VM_ROOTFS_FORMAT", NULL, "erofs", NULL,
                           "erofs: served without a copy; ext4: copied, for old kernels", CHOICE("erofs|ext4")},
    [OPT_ROOTFS_SIZE] = {"ROOTFS_SIZE", NULL, NULL, "a quarter of the free space",
                         "capacity of the guest's root: 512M, 4G", TYPE(VALUE_SIZE)},
    [OPT_ROOTFS_READONLY] = {"VM_ROOTFS_READONLY", NULL, "no", NULL, "yes: the guest's root is mounted read-only",
                             FLAG},
    [OPT_DATA_DIR] = {"VM_DATA_DIR", NULL, "/jail/data", NULL, "where data.ext4 (/dev/vdb) is kept if this is a mount"},
    [OPT_DATAFS_SIZE] = {"DATAFS_SIZE", NULL, NULL, "a quarter of the free space",
                         "capacity of /dev/vdb: 512M, 4G; may grow later", TYPE(VALUE_SIZE)},
    [OPT_DATA_MOUNT] = {"VM_DATA_MOUNT", NULL, NULL, "not mounted", "where the guest mounts /dev/vdb: /var/lib/app",
                        TYPE(VALUE_TARGET)},
    [OPT_VOLUMES] = {"VM_VOLUMES", NULL, NULL, "none",
                     "host folders and files in the guest: /host/path:/guest/path:ro (or rw, live-ro, disk),..."},
    [OPT_SCRATCH_DIR] = {"VM_SCRATCH_DIR", NULL, "/var/tmp", NULL, "where disks that end with the VM are stored"},
    [OPT_DISK_BANDWIDTH] = {"VM_DISK_BANDWIDTH", NULL, NULL, "no limit", "bytes a second from and to each disk: 50M",
                            TYPE(VALUE_RATE)},
    [OPT_DISK_OPS] = {"VM_DISK_OPS", NULL, NULL, "no limit", "requests a second to each disk", NUMBER(1, UINT32_MAX)},
    [OPT_VCPU_COUNT] = {"VCPU_COUNT", NULL, NULL, "usable CPUs", "virtual CPUs, 1 to 32", NUMBER(1, 32)},
    [OPT_MEM_SIZE_MIB] = {"MEM_SIZE_MIB", NULL, NULL, "what the host spares", "guest memory in MiB, 64 or more",
                          NUMBER(64, 1 << 24)},
    [OPT_MEM_MIN_MIB] = {"VM_MEM_MIN_MIB", NULL, NULL, "all of it",
                         "guest memory in MiB that the guest keeps when idle", NUMBER(64, 1 << 24)},
    [OPT_MEM_RECLAIM] = {"VM_MEM_RECLAIM", NULL, "no", NULL,
                         "yes: the host gets freed memory back at once; Firecracker 1.14", FLAG},
    [OPT_CPU_TEMPLATE] = {"VM_CPU_TEMPLATE", NULL, NULL, "none", "hides CPU features: T2, T2S, T2CL, T2A, C3, V1N1",
                          CHOICE("None|T2|T2S|T2CL|T2A|C3|V1N1")},
    [OPT_CGROUP] = {"VM_CGROUP", NULL, NULL, "the container's",
                    "the VM's own limits: cpu.weight=50 cpu.max=50000 100000"},
    [OPT_NETWORK] = {"VM_NETWORK", NULL, "nat", NULL, "nat; takeover: the container's own interfaces; auto; none",
                     CHOICE("nat|takeover|none|auto")},
    [OPT_PORTS] = {"VM_PORTS", NULL, NULL, "none",
                   "published ports: 8080:80,127.0.0.1:53:53/udp,2000-2010:2000-2010; or all"},
    [OPT_HOST_ACCESS] = {"VM_HOST_ACCESS", NULL, "no", NULL, "yes: the guest may reach the host's own services", FLAG},
    [OPT_GUEST_ACCESS] = {"VM_GUEST_ACCESS", NULL, "no", NULL, "yes: other guests may reach this one's address", FLAG},
    [OPT_NET_BANDWIDTH] = {"VM_NET_BANDWIDTH", NULL, NULL, "no limit", "bytes a second over the network, each way: 10M",
                           TYPE(VALUE_RATE)},
    [OPT_NET_OPS] = {"VM_NET_OPS", NULL, NULL, "no limit", "packets a second over the network, each way",
                     NUMBER(1, UINT32_MAX)},
    [OPT_TAP_IP] = {"TAP_IP", NULL, NULL, "random 10.x.x.1/30", "host's address on the TAP, a /30: 10.1.2.1/30",
                    TYPE(VALUE_HOST_30)},
    [OPT_TAP_DEVICE] = {"TAP_DEVICE", NULL, NULL, "next free ctrN", "name of the TAP, up to 15 characters",
                        TYPE(VALUE_DEVICE)},
    [OPT_GUEST_IP] = {"GUEST_IP", NULL, NULL, "the /30's other host", "guest's address, in TAP_IP's /30",
                      TYPE(VALUE_ADDRESS)},
    [OPT_GUEST_MAC] = {"GUEST_MAC", NULL, NULL, "random", "guest's MAC address: 06:00:0a:01:02:02", TYPE(VALUE_MAC)},
    [OPT_HOST_IFACE] = {"HOST_IFACE", "INTERFACE", NULL, "default routes'",
                        "interface that the guest's traffic leaves by, or any", TYPE(VALUE_DEVICES)},
    [OPT_KERNEL_IMAGE] = {"VM_KERNEL_IMAGE", NULL, CTR_LIB_DIR "/vmlinux", NULL,
                          "guest kernel: ELF, on arm64 Image; readable by everybody"},
    [OPT_INITRD_IMAGE] = {"VM_INITRD_IMAGE", NULL, CTR_LIB_DIR "/initramfs.cpio", NULL,
                          "guest's initramfs, with init; readable by everybody"},
    [OPT_KERNEL_BOOT_ARGS] = {"KERNEL_BOOT_ARGS", NULL, NULL, "see --dry-run", "replaces the kernel's command line"},
    [OPT_EXTRA_KERNEL_BOOT_ARGS] = {"EXTRA_KERNEL_BOOT_ARGS", NULL, NULL, "none", "added to the kernel's command line"},
    [OPT_FIRECRACKER_BIN] = {"VM_FIRECRACKER_BIN", NULL, CTR_LIB_DIR "/firecracker", NULL,
                             "Firecracker, 1.12 or newer"},
    [OPT_JAILER_BIN] = {"VM_JAILER_BIN", NULL, CTR_LIB_DIR "/jailer", NULL, "Firecracker's jailer"},
    [OPT_JAIL_BASE] = {"VM_JAIL_BASE", NULL, "/srv/jailer", NULL, "where jails are made", TYPE(VALUE_PATH)},
    [OPT_VM_ID] = {"VM_ID", NULL, NULL, "random", "the VM's id: up to 64 of A-Z a-z 0-9 -", TYPE(VALUE_ID)},
    [OPT_USER] = {"VM_USER", NULL, NULL, "root", "the command's user in the guest: name or id[:group[:gid,...]]"},
    [OPT_WORKDIR] = {"VM_WORKDIR", NULL, NULL, "the container's, or /", "the command's working directory in the guest",
                     TYPE(VALUE_PATH)},
    [OPT_INIT] = {"VM_INIT", NULL, "auto", NULL, "whether the command is PID 1: yes, no; auto: if it is an init",
                  CHOICE("yes|no|auto")},
    [OPT_SYSCTLS] = {"VM_SYSCTLS", NULL, NULL, "the container's",
                     "settings of the guest's kernel: vm.swappiness=10,..."},
    [OPT_STOP_SIGNAL] = {"VM_STOP_SIGNAL", NULL, NULL, "TERM, or the init's",
                         "the signal that asks the command to stop", TYPE(VALUE_SIGNAL)},
    [OPT_STOP_TIMEOUT] = {"VM_STOP_TIMEOUT", NULL, "7", NULL,
                          "seconds from that signal to SIGKILL; docker stop -t must be longer", NUMBER(0, 86400)},
    [OPT_BOOT_TIMEOUT] = {"VM_BOOT_TIMEOUT", NULL, "60", NULL,
                          "seconds until the command must have started; 0: no limit", NUMBER(0, 86400)},
    [OPT_HEALTHCHECK_CMD] = {"VM_HEALTHCHECK_CMD", NULL, NULL, "none",
                             "shell command in the guest for status --healthy"},
    [OPT_LOG_LEVEL] = {"VM_LOG_LEVEL", NULL, "warn", NULL, "error, warn, info or debug", TYPE(VALUE_LEVEL)},
};

static const struct {
    const char *flag;
    enum option takes; /* the variable that it has a value for; OPT_COUNT: none, it is an action */
    enum action action;
    const char *help;
} flags[] = {
    {"--dry-run", OPT_COUNT, ACTION_DRY_RUN, "print the plan as JSON, and change nothing"},
    {"--check-kvm", OPT_COUNT, ACTION_CHECK_KVM, "test whether this machine's KVM can run a kernel"},
    {"--purge", OPT_COUNT, ACTION_PURGE, "remove what dead VMs have left on this host, as each start does"},
    {"--id", OPT_VM_ID, ACTION_RUN, "the VM's id, as VM_ID: --id ID or --id=ID"},
    {"--help", OPT_COUNT, ACTION_HELP, "print this"},
    {"--version", OPT_COUNT, ACTION_VERSION, "print the version"},
};

const char *option_name(enum option option)
{
    return rows[option].name;
}

enum option options_find(const char *name)
{
    for (int i = 0; i < OPT_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0 || (rows[i].alias && strcmp(rows[i].alias, name) == 0))
            return (enum option)i;
    return OPT_COUNT;
}

uint64_t option_number(const struct options *o, enum option option, uint64_t fallback)
{
    return o->value[option] ? o->number[option] : fallback;
}

int option_refuse(struct err *err, const struct options *o, enum option option, const char *accepted)
{
    return err_set(err, "%s=%.600s: %s", rows[option].name, o->value[option], accepted);
}

void options_judge(struct options *o, struct refusals *refused)
{
    for (int i = 0; i < OPT_COUNT; i++) {
        struct err err = {0};
        char accepted[128];
        if (!o->value[i] || value_read(&rows[i].value, o->value[i], &o->number[i]) == 0)
            continue;
        o->number[i] = 0;
        value_accepted(&rows[i].value, accepted, sizeof(accepted));
        option_refuse(&err, o, (enum option)i, accepted);
        refusals_take(refused, &err);
    }
}

/* Whether `CTR_` + name is in env: it wins over name itself. */
static bool overridden(char **env, const char *name, size_t len)
{
    for (; *env; env++)
        if (strncmp(*env, "CTR_", 4) == 0 && strncmp(*env + 4, name, len) == 0 && (*env)[4 + len] == '=')
            return true;
    return false;
}

static void read_environment(struct options *o, char **env)
{
    for (char **e = env; *e; e++) {
        const char *equals = strchr(*e, '=');
        if (!equals || equals == *e)
            continue;
        size_t len = (size_t)(equals - *e);
        if (len > 4 && strncmp(*e, "CTR_", 4) == 0) {
            buf_add(&o->environment, *e + 4, strlen(*e + 4) + 1);
            continue;
        }
        cleanup_free char *name = strndup(*e, len);
        if (!name) {
            o->environment.failed = true;
            return;
        }
        enum option option = options_find(name);
        if (option == OPT_COUNT && !variables_describe_container(name) && !overridden(env, *e, len))
            buf_add(&o->environment, *e, strlen(*e) + 1);
        /* An empty option counts as not set, because Compose files write ${VCPU_COUNT:-}.  The option's own name wins
         * over its alias. */
        if (option != OPT_COUNT && equals[1] && (!o->value[option] || strlen(rows[option].name) == len))
            o->value[option] = equals + 1;
    }
    for (int i = 0; i < OPT_COUNT; i++)
        if (!o->value[i])
            o->value[i] = rows[i].fallback;
}

/* The flag at **arg, with its value in the same argument or in the next, which *arg is then moved to. */
static int read_flag(struct options *o, char ***arg, struct err *err)
{
    const char *flag = **arg, *value = strchr(flag, '=');
    size_t i = 0, len = strcspn(flag, "=");
    while (i < COUNT(flags) && (strlen(flags[i].flag) != len || memcmp(flag, flags[i].flag, len) != 0))
        i++;
    if (i == COUNT(flags) || (value && flags[i].takes == OPT_COUNT))
        return err_set(err, "unknown flag %s: see --help; a command that starts with -- goes after a --", flag);
    if (flags[i].takes == OPT_COUNT) {
        o->action = flags[i].action;
        return 0;
    }
    value = value ? value + 1 : *++*arg;
    if (!value)
        return err_set(err, "%s: its value is missing", flag);
    if (*value)
        o->value[flags[i].takes] = value;
    return 0;
}

int options_read(struct options *o, char **argv, char **env, struct err *err)
{
    *o = (struct options){.action = ACTION_RUN};
    read_environment(o, env);
    if (buf_failed(&o->environment))
        return err_set(err, "out of memory while reading the environment");

    char **arg = argv + 1;
    for (; *arg && strncmp(*arg, "--", 2) == 0; arg++) {
        if (strcmp(*arg, "--") == 0) {
            arg++;
            break;
        }
        if (read_flag(o, &arg, err) < 0)
            return -1;
    }
    o->command = arg;
    return 0;
}

void options_free(struct options *o)
{
    buf_free(&o->environment);
}

void options_help(FILE *out)
{
    fputs("Usage: entry [FLAG] [--] COMMAND [ARGUMENT...]\n\n"
          "Runs COMMAND in a Firecracker microVM whose root filesystem is the tree at VM_ROOTFS_DIR, and behaves\n"
          "like that process: same output, same exit status, same signals.\n\nFlags:\n",
          out);
    for (size_t i = 0; i < COUNT(flags); i++)
        fprintf(out, "  %-24s %s\n", flags[i].flag, flags[i].help);
    fputs("\nEnvironment (an empty value counts as not set):\n", out);
    for (int i = 0; i < OPT_COUNT; i++) {
        const struct row *r = &rows[i];
        fprintf(out, "  %-24s %s [%s]\n", r->name, r->help, r->fallback ? r->fallback : r->shown);
        if (r->alias)
            fprintf(out, "  %-24s the same as %s\n", r->alias, r->name);
    }
    fputs("\nEvery other variable reaches the command, except those that describe the container (HOSTNAME HOME PWD\n"
          "SHLVL _ TERM).  CTR_NAME=value always reaches it, as NAME=value, and wins.\n\n"
          "Exit status: the command's own; 128+n when signal n ended it; 127 not found; 126 not executable;\n"
          "125 when the VM could not run it, with the reason on stderr.\n",
          out);
}
