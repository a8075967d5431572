#include "entry/plan/plan.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"
#include "common/terminal.h"
#include "entry/plan/initsys.h"
#include "entry/plan/needs.h"
#include "entry/plan/plan_parts.h"
#include "netsetup/parse.h"

#include <arpa/inet.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Firecracker's limits (docs and src of v1.12: MAX_SUPPORTED_VCPUS; CMDLINE_MAX_SIZE is 2048 bytes with the NUL).
 * For each device, of which it has 17 at most, it adds " virtio_mmio.device=4K@0xd000a000:15".  Our kernel puts
 * "acpi=off " in front (kernels/x86_64.config), and cuts off what is over 2048 then. */
enum { CMDLINE_DEVICES = 17 * 36, CMDLINE_BUILTIN = 9 };
enum { VCPUS_MAX = 32, BOOT_ARGS_MAX = 2047 - CMDLINE_BUILTIN - CMDLINE_DEVICES, MEM_LEAST_MIB = 64, RATE_MIN = 1024 };

/* kernels/README.md says why each is there. */
#ifdef __x86_64__
static const char default_boot_args[] =
    "console=ttyS0 quiet loglevel=3 panic=1 reboot=k pci=off 8250.nr_uarts=1 i8042.noaux i8042.nomux i8042.nopnp "
    "i8042.dumbkbd cryptomgr.notests dummy.numdummies=0 ifb.numifbs=0 swiotlb=noforce random.trust_cpu=on "
    "rdinit=/sbin/init";
#else
static const char default_boot_args[] =
    "console=ttyS0 quiet loglevel=3 panic=1 dummy.numdummies=0 ifb.numifbs=0 swiotlb=noforce random.trust_cpu=on "
    "rdinit=/sbin/init";
#endif

int plan_refuse(struct err *err, const struct options *o, enum option option, const char *accepted)
{
    return err_set(err, "%s=%s: %s", option_name(option), o->value[option], accepted);
}

static int plan_id(const struct options *o, struct plan *plan, struct err *err)
{
    const char *id = o->value[OPT_VM_ID];
    if (!id) {
        uint8_t random[6];
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
            return err_sys(err, "cannot choose a VM id");
        for (size_t i = 0; i < sizeof(random); i++)
            snprintf(plan->id + 2 * i, 3, "%02x", random[i]);
        return 0;
    }
    size_t good = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    if (id[good] || good > NET_ID_MAX)
        return plan_refuse(err, o, OPT_VM_ID, "must be 1 to 64 of A-Z a-z 0-9 -");
    snprintf(plan->id, sizeof(plan->id), "%s", id);
    return 0;
}

/* A number of its option within min..max, or fallback when it is not given. */
static int plan_number(const struct options *o, enum option option, uint64_t min, uint64_t max, uint64_t fallback,
                       uint64_t *out, struct err *err)
{
    *out = fallback;
    if (!o->value[option] || num_parse(o->value[option], min, max, out) == 0)
        return 0;
    char accepted[96];
    snprintf(accepted, sizeof(accepted), "must be a number from %llu to %llu", (unsigned long long)min,
             (unsigned long long)max);
    return plan_refuse(err, o, option, accepted);
}

static int plan_flag(const struct options *o, enum option option, bool *out, struct err *err)
{
    *out = strcmp(o->value[option], "yes") == 0;
    return *out || strcmp(o->value[option], "no") == 0 ? 0 : plan_refuse(err, o, option, "must be yes or no");
}

static int plan_cgroup(const struct options *o, struct resources *r, struct plan *plan, struct err *err)
{
    plan->cgroup.id = plan->id;
    if (o->value[OPT_CGROUP] && cgroup_parse(o->value[OPT_CGROUP], &plan->cgroup) < 0)
        return plan_refuse(err, o, OPT_CGROUP,
                           "must be up to 16 of FILE=VALUE, such as cpu.weight=50 cpu.max=50000 100000 memory.max=1G");
    resources_narrow(r, &plan->cgroup);
    return 0;
}

static int plan_machine(const struct options *o, const struct resources *r, struct plan *plan, struct err *err)
{
    uint64_t vcpus, cpus = r->cpus < VCPUS_MAX ? r->cpus : VCPUS_MAX;
    if (plan_number(o, OPT_VCPU_COUNT, 1, VCPUS_MAX, cpus, &vcpus, err) < 0 ||
        plan_number(o, OPT_MEM_SIZE_MIB, MEM_LEAST_MIB, UINT64_C(1) << 24, resources_guest_mib(r), &plan->vmm.mem_mib,
                    err) < 0)
        return -1;
    if (plan->vmm.mem_mib < MEM_LEAST_MIB)
        return err_set(err,
                       "this machine or its cgroup spares only %llu MiB for a guest: free memory, raise the "
                       "container's limit, or say MEM_SIZE_MIB",
                       (unsigned long long)plan->vmm.mem_mib);
    plan->vmm.vcpus = (unsigned)vcpus;
    plan->vmm.cpu_template = o->value[OPT_CPU_TEMPLATE];
    plan->supervise.mem_mib = plan->vmm.mem_mib;
    if (plan_number(o, OPT_MEM_MIN_MIB, MEM_LEAST_MIB, plan->vmm.mem_mib, 0, &plan->supervise.mem_min_mib, err) < 0 ||
        plan_flag(o, OPT_MEM_RECLAIM, &plan->vmm.report_free, err) < 0)
        return -1;

    const char *args = o->value[OPT_KERNEL_BOOT_ARGS], *extra = o->value[OPT_EXTRA_KERNEL_BOOT_ARGS];
    int n = snprintf(plan->boot_args, sizeof(plan->boot_args), "%s%s%s", args ? args : default_boot_args,
                     extra ? " " : "", extra ? extra : "");
    if (n > BOOT_ARGS_MAX)
        return err_set(err, "%s: the kernel's command line has %d characters, %d are possible",
                       option_name(extra ? OPT_EXTRA_KERNEL_BOOT_ARGS : OPT_KERNEL_BOOT_ARGS), n, BOOT_ARGS_MAX);
    plan->vmm.boot_args = plan->boot_args;
    return 0;
}

/* A device's limits, in bytes and in operations a second. */
static int plan_limit(const struct options *o, enum option bandwidth, enum option ops, struct vmm_limit *out,
                      struct err *err)
{
    if (o->value[bandwidth] && (num_parse_size(o->value[bandwidth], 1, &out->bytes) < 0 || out->bytes < RATE_MIN ||
                                out->bytes > UINT64_C(1) << 40))
        return plan_refuse(err, o, bandwidth, "must be bytes a second from 1K to 1T, such as 500K or 10M");
    return plan_number(o, ops, 1, UINT32_MAX, 0, &out->ops, err);
}

/* A signal's name with or without SIG (also RTMIN+3, RTMAX-1), or its number. */
static int parse_signal(const char *text, int *out)
{
    uint64_t number = 0;
    if (num_parse(text, 1, NSIG - 1, &number) == 0) {
        *out = (int)number;
        return 0;
    }
    text += strncmp(text, "SIG", 3) == 0 ? 3 : 0;
    bool min = strncmp(text, "RTMIN", 5) == 0;
    if (min || strncmp(text, "RTMAX", 5) == 0) {
        if (text[5] && (text[5] != (min ? '+' : '-') || num_parse(text + 6, 0, 30, &number) < 0))
            return -1;
        *out = min ? SIGRTMIN + (int)number : SIGRTMAX - (int)number;
        return 0;
    }
    for (*out = 1; *out < NSIG; ++*out) {
        const char *name = sigabbrev_np(*out);
        if (name && strcmp(name, text) == 0)
            return 0;
    }
    return -1;
}

/* Whether the command is PID 1, and what stops it. */
static int plan_init(const struct options *o, struct plan *plan, struct err *err)
{
    const char *wanted = o->value[OPT_INIT], *stop = o->value[OPT_STOP_SIGNAL];
    const struct initsys *init = initsys_find(plan->drives.rootfs, o->command[0]);
    bool yes = strcmp(wanted, "yes") == 0, automatic = strcmp(wanted, "auto") == 0;
    if (!yes && !automatic && strcmp(wanted, "no") != 0)
        return plan_refuse(err, o, OPT_INIT, "must be yes, no or auto");
    plan->supervise.stop_signal = SIGTERM;
    if (yes || (automatic && init)) {
        plan->guest.init = init ? init->name : "init";
        plan->supervise.init = true;
        plan->supervise.stop_signal = init ? init->stop_signal : SIGTERM;
    }
    if (stop && parse_signal(stop, &plan->supervise.stop_signal) < 0)
        return plan_refuse(err, o, OPT_STOP_SIGNAL, "must be a signal's name or number, such as INT, SIGINT or 2");
    return 0;
}

static int plan_supervise(const struct options *o, struct plan *plan, struct err *err)
{
    struct supervise_plan *s = &plan->supervise;
    uint64_t boot, stop;
    if (plan_number(o, OPT_BOOT_TIMEOUT, 0, 86400, 0, &boot, err) < 0 ||
        plan_number(o, OPT_STOP_TIMEOUT, 0, 86400, 0, &stop, err) < 0 || plan_init(o, plan, err) < 0)
        return -1;
    plan->healthcheck = o->value[OPT_HEALTHCHECK_CMD];
    s->id = plan->id;
    s->boot_timeout = (unsigned)boot;
    s->stop_timeout = (unsigned)stop;
    s->tty = terminal_present();
    plan->guest.user = o->value[OPT_USER];
    plan->guest.workdir = o->value[OPT_WORKDIR];
    plan->guest.tty = s->tty;
    plan->guest.drives = &plan->drives;
    if (!getcwd(plan->workdir_default, sizeof(plan->workdir_default)) || plan->workdir_default[0] != '/')
        strcpy(plan->workdir_default, "/"); /* removed, or out of reach (getcwd(3)) */
    plan->guest.workdir_default = plan->workdir_default;
    if (plan->guest.workdir && plan->guest.workdir[0] != '/')
        return plan_refuse(err, o, OPT_WORKDIR, "must be an absolute path");
    return 0;
}

/* A file that must be there and readable, or executable. */
static int plan_file(const struct options *o, enum option option, int mode, const char **out, struct err *err)
{
    struct stat st;
    const char *path = o->value[option];
    if (stat(path, &st) < 0 || access(path, mode) < 0)
        return err_sys(err, "%s=%s", option_name(option), path);
    if (!S_ISREG(st.st_mode))
        return plan_refuse(err, o, option, "is no regular file");
    *out = path;
    return 0;
}

/* Firecracker takes an ELF file on x86 and a PE Image on arm64; a bzImage is the usual mistake. */
static int plan_kernel(const struct options *o, struct plan *plan, struct err *err)
{
    if (plan_file(o, OPT_KERNEL_IMAGE, R_OK, &plan->jail.files[0].source, err) < 0)
        return -1;
    char start[64] = "";
    cleanup_close int fd = open(plan->jail.files[0].source, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || io_read_full(fd, start, sizeof(start)) < 0)
        return err_sys(err, "VM_KERNEL_IMAGE=%s", plan->jail.files[0].source);
#ifdef __x86_64__
    if (memcmp(start, "\177ELF", 4) != 0)
        return plan_refuse(err, o, OPT_KERNEL_IMAGE,
                           "is no ELF kernel: an uncompressed vmlinux is wanted, not a bzImage");
    if (start[18] && start[18] != EM_X86_64) /* its low byte, as elf(5) has it; Firecracker does not look */
        return plan_refuse(err, o, OPT_KERNEL_IMAGE, "is a kernel for another kind of machine");
#else
    if (memcmp(start + 56, "ARM\x64", 4) != 0) /* Linux Documentation/arm64/booting.rst */
        return plan_refuse(err, o, OPT_KERNEL_IMAGE, "is no arm64 kernel: an uncompressed Image is wanted");
#endif
    return 0;
}

/* An interface's name, which the kernel limits. */
static int plan_interface(const struct options *o, enum option option, char out[IFNAMSIZ], struct err *err)
{
    const char *name = o->value[option] ? o->value[option] : "";
    if (strlen(name) >= IFNAMSIZ)
        return plan_refuse(err, o, option, "must have at most 15 characters");
    snprintf(out, IFNAMSIZ, "%s", name);
    return 0;
}

/* TAP_IP is written with its prefix, GUEST_IP without. */
static int plan_addresses(const struct options *o, struct net_plan *n, struct err *err)
{
    const char *tap = o->value[OPT_TAP_IP], *guest = o->value[OPT_GUEST_IP], *mac = o->value[OPT_GUEST_MAC];
    if (tap && (!strchr(tap, '/') || net_addr_parse("TAP_IP", tap, &n->tap_addr, NULL) < 0 ||
                (ntohl(n->tap_addr.s_addr) & 3) % 3 == 0))
        return plan_refuse(err, o, OPT_TAP_IP, "must be the address of a host and /30, such as 10.1.2.1/30");
    if (guest && net_addr_parse("GUEST_IP", guest, &n->guest_addr, NULL) < 0)
        return plan_refuse(err, o, OPT_GUEST_IP, "must be an IPv4 address, such as 10.1.2.2");
    if (mac && net_mac_parse("GUEST_MAC", mac, n->guest_mac, NULL) < 0)
        return plan_refuse(err, o, OPT_GUEST_MAC, "must be the MAC address of one host, such as 06:00:0a:01:02:02");
    return 0;
}

static int plan_net(const struct options *o, struct plan *plan, struct err *err)
{
    struct net_plan *n = &plan->net;
    plan->has_net = strcmp(o->value[OPT_NETWORK], "nat") == 0;
    if (!plan->has_net && strcmp(o->value[OPT_NETWORK], "none") != 0)
        return plan_refuse(err, o, OPT_NETWORK, "must be nat or none");
    snprintf(n->id, sizeof(n->id), "%s", plan->id);
    n->uid = plan->jail.uid;
    n->gid = plan->jail.gid;
    const char *ports = o->value[OPT_PORTS];
    if (plan_interface(o, OPT_TAP_DEVICE, n->tap, err) < 0 || plan_interface(o, OPT_HOST_IFACE, n->uplink, err) < 0 ||
        plan_flag(o, OPT_HOST_ACCESS, &n->host_access, err) < 0 ||
        plan_flag(o, OPT_GUEST_ACCESS, &n->guest_access, err) < 0 || plan_addresses(o, n, err) < 0 ||
        (ports && net_ports_parse("VM_PORTS", ports, &n->ports, err) < 0))
        return -1;
    settings_local_resolver(n->dns);
    return plan->has_net ? netsetup_check(n, err) : 0;
}

/* Two uids for each VM. */
static int plan_uid(struct plan *plan, struct err *err)
{
    uint32_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, "cannot choose a uid");
    uid_t uid = jail_uid(random);
    plan->supervisor = plan->jail.supervisor = plan->drives.server = plan->net.relay = uid + 1;
    plan->jail.uid = plan->jail.gid = uid;
    plan->drives.uid = plan->drives.gid = uid;
    plan->drives.id = plan->id;
    return 0;
}

static int plan_jail(const struct options *o, struct plan *plan, struct err *err)
{
    struct jail_plan *j = &plan->jail;
    j->base = o->value[OPT_JAIL_BASE];
    j->id = plan->id;
    j->capabilities = needs_jailer();
    j->api_socket = "/run/api.sock";
    j->log = "/firecracker.log";
    j->metrics = plan->vmm.metrics = "/firecracker.metrics";
    plan->api_socket = "api.sock";
    plan->vmm.vsock = "/run/v.sock";
    plan->vmm.kernel = "/kernel";
    plan->vmm.initrd = "/initrd";
    if (j->base[0] != '/')
        return plan_refuse(err, o, OPT_JAIL_BASE, "must be an absolute path");
    if (plan_file(o, OPT_FIRECRACKER_BIN, X_OK, &j->firecracker, err) < 0 ||
        plan_file(o, OPT_JAILER_BIN, X_OK, &j->jailer, err) < 0)
        return -1;
    plan->workdir = (struct workdir_plan){j->base, strrchr(j->firecracker, '/'), plan->id};
    plan->workdir.exec = plan->workdir.exec ? plan->workdir.exec + 1 : j->firecracker;
    return 0;
}

static int plan_command(const struct options *o, struct plan *plan, struct err *err)
{
    if (!o->command[0])
        return err_set(err, "no command: give one as CMD in the Dockerfile, or as arguments");
    for (char **arg = o->command; *arg; arg++)
        buf_add(&plan->command, *arg, strlen(*arg) + 1);
    if (buf_failed(&plan->command))
        return err_set(err, "out of memory");
    plan->initrd.command = &plan->command;
    plan->initrd.environment = &o->environment;
    return 0;
}

int plan_make(const struct options *o, const struct resources *r, struct plan *plan, struct err *err)
{
    struct resources within = *r;
    *plan = (struct plan){0};
    if (log_level_parse(o->value[OPT_LOG_LEVEL]) < 0)
        return plan_refuse(err, o, OPT_LOG_LEVEL, "must be error, warn, info or debug");
    if (plan_command(o, plan, err) < 0 || plan_id(o, plan, err) < 0 || plan_uid(plan, err) < 0 ||
        plan_cgroup(o, &within, plan, err) < 0 || plan_machine(o, &within, plan, err) < 0 ||
        plan_drives(o, &plan->drives, err) < 0 || plan_kernel(o, plan, err) < 0 ||
        plan_file(o, OPT_INITRD_IMAGE, R_OK, &plan->initrd.image, err) < 0 || plan_jail(o, plan, err) < 0 ||
        plan_supervise(o, plan, err) < 0 ||
        plan_limit(o, OPT_DISK_BANDWIDTH, OPT_DISK_OPS, &plan->vmm.drive_limit, err) < 0 ||
        plan_limit(o, OPT_NET_BANDWIDTH, OPT_NET_OPS, &plan->vmm.net_limit, err) < 0)
        return -1;
    return plan_net(o, plan, err);
}

void plan_free(struct plan *plan)
{
    net_ports_free(&plan->net.ports);
    plan_drives_free(&plan->drives);
    buf_free(&plan->command);
}
