#include "entry/plan/options.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/variables.h"
#include "entry/plan/plan_fields.h"

#include <string.h>

struct row {
    const char *name;
    const char *alias;    /* another name for it, or NULL */
    const char *fallback; /* the value when it is not given, or NULL */
    const char *shown;    /* what --help says of the default when fallback is NULL */
    const char *help;
    struct value_rule value;
    size_t at, size; /* of the plan's field; size 0: none, because plan*.c or main.c reads the text itself */
    const char *key; /* the field's name in --dry-run; NULL: plan_json.c writes it, if anything does */
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
#define WORD(words)                                                                                                    \
    {                                                                                                                  \
        VALUE_WORD, 0, 0, words                                                                                        \
    }
#define TEXT TYPE(VALUE_TEXT)
#define TO(field) offsetof(struct plan, field), sizeof(((struct plan *)0)->field)

static const struct row rows[OPT_COUNT] = {
    [OPT_ROOTFS_DIR] = {"VM_ROOTFS_DIR", NULL, "/usr/src/app/rootfs", NULL,
                        "the tree, or its sealed image, that becomes the guest's root", TEXT, TO(drives.rootfs),
                        "rootfs_dir"},
    [OPT_ROOTFS_FORMAT] = {"VM_ROOTFS_FORMAT", NULL, "erofs", NULL,
                           "erofs: served without a copy; ext4: copied, for old kernels", CHOICE("erofs|ext4"),
                           TO(drives.rootfs_format), "rootfs_format"},
    [OPT_ROOTFS_SIZE] = {"ROOTFS_SIZE", NULL, NULL, "a quarter of the free space",
                         "capacity of the guest's root: 512M, 4G", TYPE(VALUE_SIZE), TO(drives.rootfs_size),
                         "rootfs_bytes"},
    [OPT_ROOTFS_READONLY] = {"VM_ROOTFS_READONLY", NULL, "no", NULL, "yes: the guest's root is mounted read-only",
                             TYPE(VALUE_FLAG), TO(guest.readonly), "guest_readonly"},
    [OPT_DATA_DIR] = {"VM_DATA_DIR", NULL, "/jail/data", NULL, "where data.ext4 (/dev/vdb) is kept if this is a mount",
                      TEXT, TO(drives.data_dir), "data_dir"},
    [OPT_DATAFS_SIZE] = {"DATAFS_SIZE", NULL, NULL, "a quarter of the free space",
                         "capacity of /dev/vdb: 512M, 4G; may grow later", TYPE(VALUE_SIZE), TO(drives.datafs_size),
                         "datafs_bytes"},
    [OPT_DATA_MOUNT] = {"VM_DATA_MOUNT", NULL, NULL, "not mounted", "where the guest mounts /dev/vdb: /var/lib/app",
                        TYPE(VALUE_TARGET), TO(drives.data_mount), "data_mount"},
    [OPT_VOLUMES] = {"VM_VOLUMES", NULL, NULL, "none",
                     "host directories and files in the guest: /host/path:/guest/path:ro (or rw, live-ro, disk),..."},
    [OPT_SCRATCH_DIR] = {"VM_SCRATCH_DIR", NULL, "/var/tmp", NULL, "where disks that end with the VM are stored", TEXT,
                         TO(drives.scratch_dir), "scratch_dir"},
    [OPT_DISK_BANDWIDTH] = {"VM_DISK_BANDWIDTH", NULL, NULL, "no limit", "bytes a second from and to each disk: 50M",
                            TYPE(VALUE_RATE), TO(vmm.drive_limit.bytes), "bytes_per_s"},
    [OPT_DISK_OPS] = {"VM_DISK_OPS", NULL, NULL, "no limit", "requests a second to each disk", NUMBER(1, UINT32_MAX),
                      TO(vmm.drive_limit.ops), "ops_per_s"},
    [OPT_VCPU_COUNT] = {"VCPU_COUNT", NULL, NULL, "usable CPUs", "virtual CPUs, 1 to 32", NUMBER(1, PLAN_VCPUS_MAX),
                        TO(vmm.vcpus), "vcpu_count"},
    [OPT_MEM_SIZE_MIB] = {"MEM_SIZE_MIB", NULL, NULL, "what the host spares", "guest memory in MiB, 64 or more",
                          NUMBER(PLAN_MEM_LEAST_MIB, 1 << 24), TO(vmm.mem_mib), "mem_size_mib"},
    [OPT_MEM_MIN_MIB] = {"VM_MEM_MIN_MIB", NULL, NULL, "all of it",
                         "guest memory in MiB that the guest keeps when idle", NUMBER(PLAN_MEM_LEAST_MIB, 1 << 24),
                         TO(supervise.mem_min_mib), "mem_min_mib"},
    [OPT_MEM_RECLAIM] = {"VM_MEM_RECLAIM", NULL, "no", NULL,
                         "yes: the host gets freed memory back at once; Firecracker 1.14", TYPE(VALUE_FLAG),
                         TO(vmm.report_free), "mem_reclaim"},
    [OPT_CPU_TEMPLATE] = {"VM_CPU_TEMPLATE", NULL, NULL, "none", "hides CPU features: T2, T2S, T2CL, T2A, C3, V1N1",
                          WORD("None|T2|T2S|T2CL|T2A|C3|V1N1"), TO(vmm.cpu_template), "cpu_template"},
    [OPT_CGROUP] = {"VM_CGROUP", NULL, NULL, "the container's",
                    "the VM's own limits: cpu.weight=50 cpu.max=50000 100000"},
    [OPT_NETWORK] = {"VM_NETWORK", NULL, "nat", NULL, "nat; takeover: the container's own interfaces; auto; none",
                     CHOICE("nat|takeover|none|auto"), TO(network), "network_mode"},
    [OPT_PORTS] = {"VM_PORTS", NULL, NULL, "none",
                   "published ports: 8080:80,127.0.0.1:53:53/udp,2000-2010:2000-2010; or all"},
    [OPT_HOST_ACCESS] = {"VM_HOST_ACCESS", NULL, "no", NULL, "yes: the guest may reach the host's own services",
                         TYPE(VALUE_FLAG), TO(net.host_access), "host_access"},
    [OPT_GUEST_ACCESS] = {"VM_GUEST_ACCESS", NULL, "no", NULL, "yes: other guests may reach this one's address",
                          TYPE(VALUE_FLAG), TO(net.guest_access), "guest_access"},
    [OPT_NET_BANDWIDTH] = {"VM_NET_BANDWIDTH", NULL, NULL, "no limit", "bytes a second over the network, each way: 10M",
                           TYPE(VALUE_RATE), TO(vmm.net_limit.bytes), "bytes_per_s"},
    [OPT_NET_OPS] = {"VM_NET_OPS", NULL, NULL, "no limit", "packets a second over the network, each way",
                     NUMBER(1, UINT32_MAX), TO(vmm.net_limit.ops), "ops_per_s"},
    [OPT_TAP_IP] = {"TAP_IP", NULL, NULL, "random 10.x.x.1/30", "host's address on the TAP, a /30: 10.1.2.1/30",
                    TYPE(VALUE_HOST_30), TO(net.tap_addr), "tap_ip"},
    [OPT_TAP_DEVICE] = {"TAP_DEVICE", NULL, NULL, "next free ctrN", "name of the TAP, up to 15 characters",
                        TYPE(VALUE_DEVICE), TO(net.tap), "tap"},
    [OPT_GUEST_IP] = {"GUEST_IP", NULL, NULL, "the /30's other host", "guest's address, in TAP_IP's /30",
                      TYPE(VALUE_ADDRESS), TO(net.guest_addr), "guest_ip"},
    [OPT_GUEST_MAC] = {"GUEST_MAC", NULL, NULL, "random", "guest's MAC address: 06:00:0a:01:02:02", TYPE(VALUE_MAC),
                       TO(net.guest_mac), "guest_mac"},
    [OPT_HOST_IFACE] = {"HOST_IFACE", "INTERFACE", NULL, "default routes'",
                        "interface that the guest's traffic leaves by, or any", TYPE(VALUE_DEVICES), TO(net.uplink)},
    [OPT_KERNEL_IMAGE] = {"VM_KERNEL_IMAGE", NULL, CTR_LIB_DIR "/vmlinux", NULL,
                          "guest kernel: ELF, on arm64 Image; readable by everybody", TEXT,
                          TO(jail.files[JAIL_KERNEL].source), "kernel_image"},
    [OPT_INITRD_IMAGE] = {"VM_INITRD_IMAGE", NULL, CTR_LIB_DIR "/initramfs.cpio", NULL,
                          "guest's initramfs, with init; readable by everybody", TEXT,
                          TO(jail.files[JAIL_INITRD].source), "initrd_image"},
    [OPT_KERNEL_BOOT_ARGS] = {"KERNEL_BOOT_ARGS", NULL, NULL, "see --dry-run", "replaces the kernel's command line",
                              TEXT, TO(kernel_args)},
    [OPT_EXTRA_KERNEL_BOOT_ARGS] = {"EXTRA_KERNEL_BOOT_ARGS", NULL, NULL, "none", "added to the kernel's command line",
                                    TEXT, TO(extra_args)},
    [OPT_FIRECRACKER_BIN] = {"VM_FIRECRACKER_BIN", NULL, CTR_LIB_DIR "/firecracker", NULL, "Firecracker, 1.12 or newer",
                             TEXT, TO(jail.firecracker), "firecracker"},
    [OPT_JAILER_BIN] = {"VM_JAILER_BIN", NULL, CTR_LIB_DIR "/jailer", NULL, "Firecracker's jailer", TEXT,
                        TO(jail.jailer), "jailer"},
    [OPT_JAIL_BASE] = {"VM_JAIL_BASE", NULL, "/srv/jailer", NULL, "where jails are made", TYPE(VALUE_PATH),
                       TO(jail.base), "base"},
    [OPT_VM_ID] = {"VM_ID", NULL, NULL, "random", "the VM's id: up to 64 of A-Z a-z 0-9 -", TYPE(VALUE_ID), TO(id),
                   "id"},
    [OPT_USER] = {"VM_USER", NULL, NULL, "root", "the command's user in the guest: name or id[:group[:gid,...]]", TEXT,
                  TO(guest.user), "guest_user"},
    [OPT_WORKDIR] = {"VM_WORKDIR", NULL, NULL, "the container's, or /", "the command's working directory in the guest",
                     TYPE(VALUE_PATH), TO(guest.workdir)},
    [OPT_INIT] = {"VM_INIT", NULL, "auto", NULL, "whether the command is PID 1: yes, no; auto: if it is an init",
                  CHOICE("yes|no|auto"), TO(init)},
    [OPT_SYSCTLS] = {"VM_SYSCTLS", NULL, NULL, "the container's",
                     "settings of the guest's kernel: vm.swappiness=10,..."},
    [OPT_STOP_SIGNAL] = {"VM_STOP_SIGNAL", NULL, NULL, "TERM, or the init's",
                         "the signal that asks the command to stop", TYPE(VALUE_SIGNAL), TO(supervise.stop_signal),
                         "stop_signal"},
    [OPT_STOP_TIMEOUT] = {"VM_STOP_TIMEOUT", NULL, "7", NULL,
                          "seconds from that signal to SIGKILL; docker stop -t must be longer", NUMBER(0, 86400),
                          TO(supervise.stop_timeout), "stop_timeout_s"},
    [OPT_BOOT_TIMEOUT] = {"VM_BOOT_TIMEOUT", NULL, "60", NULL,
                          "seconds until the command must have started; 0: no limit", NUMBER(0, 86400),
                          TO(supervise.boot_timeout), "boot_timeout_s"},
    [OPT_HEALTHCHECK_CMD] = {"VM_HEALTHCHECK_CMD", NULL, NULL, "none",
                             "shell command in the guest for status --healthy", TEXT, TO(healthcheck), "healthcheck"},
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

bool option_given(const struct options *o, enum option option)
{
    const char *value = o->value[option], *fallback = rows[option].fallback;
    return value && (!fallback || strcmp(value, fallback) != 0);
}

int option_refuse(struct err *err, const struct options *o, enum option option, const char *accepted)
{
    return err_set(err, "%s=%.600s: %s", rows[option].name, o->value[option], accepted);
}

static void judge(const struct options *o, enum option option, struct plan *plan, struct err *err)
{
    const struct row *row = &rows[option];
    char accepted[128];
    uint64_t number;
    if (value_read(&row->value, o->value[option], &number) < 0) {
        value_accepted(&row->value, accepted, sizeof(accepted));
        option_refuse(err, o, option, accepted);
    } else if (row->size > 0) {
        value_store(&row->value, o->value[option], number, (char *)plan + row->at, row->size);
    }
}

void options_judge(const struct options *o, struct plan *plan, struct refusals *refused)
{
    for (int i = 0; i < OPT_COUNT; i++) {
        struct err err = {0};
        if (o->value[i])
            judge(o, (enum option)i, plan, &err);
        refusals_take(refused, &err);
    }
}

void options_print(const struct plan *plan, enum option first, enum option last, struct json *j)
{
    for (const struct row *row = &rows[first]; row <= &rows[last]; row++)
        if (row->key)
            value_print(&row->value, (const char *)plan + row->at, row->size, j, row->key);
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
