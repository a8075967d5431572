#include "entry/plan/plan.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/terminal.h"
#include "entry/plan/initsys.h"
#include "entry/plan/intree.h"
#include "entry/plan/needs.h"
#include "entry/plan/plan_parts.h"
#include "entry/plan/uids.h"
#include "netsetup/check.h"
#include "netsetup/parse.h"

#include <arpa/inet.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Firecracker's limit (src of v1.12: CMDLINE_MAX_SIZE is 2048 bytes with the NUL).  For each of at most 17 devices,
 * Firecracker adds " virtio_mmio.device=4K@0xd000a000:15".  Our kernel puts "acpi=off " in front
 * (kernels/x86_64.config) and truncates the result at 2048 bytes. */
enum { CMDLINE_DEVICES = 17 * 36, CMDLINE_BUILTIN = 9 };
enum { BOOT_ARGS_MAX = 2047 - CMDLINE_BUILTIN - CMDLINE_DEVICES };

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

static int plan_id(const struct options *o, struct plan *plan, struct err *err)
{
    (void)o;
    uint8_t random[6];
    if (plan->id[0])
        return 0;
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, "cannot choose a VM id");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(plan->id + 2 * i, 3, "%02x", random[i]);
    return 0;
}

static int plan_cgroup(const struct options *o, struct resources *r, struct plan *plan, struct err *err)
{
    plan->cgroup.id = plan->id;
    if (o->value[OPT_CGROUP] && cgroup_parse(o->value[OPT_CGROUP], &plan->cgroup) < 0) {
        plan->cgroup.count = 0;
        return option_refuse(
            err, o, OPT_CGROUP,
            "must be up to 16 of FILE=VALUE, such as cpu.weight=50 cpu.max=50000 100000 memory.max=1G");
    }
    resources_narrow(r, &plan->cgroup);
    return 0;
}

static int plan_memory(const struct options *o, const struct resources *r, struct plan *plan, struct err *err)
{
    uint64_t asked = plan->vmm.mem_mib, mib = asked ? asked : resources_guest_mib(r);
    plan->vmm.mem_mib = plan->supervise.mem_mib = mib;
    if (!o->value[OPT_MEM_SIZE_MIB] && mib < PLAN_MEM_LEAST_MIB) {
        resources_explain(r, PLAN_MEM_LEAST_MIB, err);
        return -1;
    }
    if (!o->value[OPT_MEM_SIZE_MIB])
        log_info("the guest may use %llu MiB, all that this machine can spare: set MEM_SIZE_MIB to give it less",
                 (unsigned long long)mib);
    if (plan->supervise.mem_min_mib > mib && asked) {
        char accepted[64];
        snprintf(accepted, sizeof(accepted), "must not be more than the guest's %llu MiB", (unsigned long long)mib);
        return option_refuse(err, o, OPT_MEM_MIN_MIB, accepted);
    }
    return 0;
}

static int plan_boot_args(const struct options *o, struct plan *plan, struct err *err)
{
    (void)o;
    const char *args = plan->kernel_args, *extra = plan->extra_args;
    int n = snprintf(plan->boot_args, sizeof(plan->boot_args), "%s%s%s", args ? args : default_boot_args,
                     extra ? " " : "", extra ? extra : "");
    plan->vmm.boot_args = plan->boot_args;
    if (n <= BOOT_ARGS_MAX)
        return 0;
    return err_set(err, "%s: the kernel's command line has %d characters; the limit is %d",
                   option_name(extra ? OPT_EXTRA_KERNEL_BOOT_ARGS : OPT_KERNEL_BOOT_ARGS), n, BOOT_ARGS_MAX);
}

static void plan_cpus(const struct resources *r, struct plan *plan)
{
    struct vmm_plan *v = &plan->vmm;
    if (!v->vcpus)
        v->vcpus = r->cpus < PLAN_VCPUS_MAX ? r->cpus : PLAN_VCPUS_MAX;
    if (v->cpu_template && strcmp(v->cpu_template, "None") == 0)
        v->cpu_template = NULL;
}

/* Whether the command is PID 1, and what stops it. */
static void plan_init(const struct options *o, struct plan *plan)
{
    const struct initsys *init =
        o->command[0] ? initsys_find(plan->drives.rootfs, o->command[0], intree_search_path(&o->environment)) : NULL;
    plan->supervise.init = plan->init == PLAN_INIT_YES || (plan->init == PLAN_INIT_AUTO && init);
    if (plan->supervise.init)
        plan->guest.init = init ? init->name : "init";
    if (!plan->supervise.stop_signal)
        plan->supervise.stop_signal = plan->supervise.init && init ? init->stop_signal : SIGTERM;
}

static void plan_supervise(const struct options *o, struct plan *plan)
{
    struct supervise_plan *s = &plan->supervise;
    plan_init(o, plan);
    s->id = plan->id;
    s->tty = terminal_present();
    plan->guest.tty = s->tty;
    plan->guest.sysctls = &plan->sysctls;
    plan->guest.drives = &plan->drives;
    if (!getcwd(plan->workdir_default, sizeof(plan->workdir_default)) || plan->workdir_default[0] != '/')
        strcpy(plan->workdir_default, "/"); /* removed, or out of reach (getcwd(3)) */
    plan->guest.workdir_default = plan->workdir_default;
}

/* A file that must be there and readable, or executable. */
static int check_file(const struct options *o, enum option option, int mode, struct err *err)
{
    struct stat st;
    const char *path = o->value[option];
    if (stat(path, &st) < 0 || access(path, mode) < 0)
        return err_sys(err, "%s=%s", option_name(option), path);
    if (!S_ISREG(st.st_mode))
        return option_refuse(err, o, option, "is not a regular file");
    return 0;
}

/* A file that Firecracker loads into the guest's memory.  Firecracker is not root, and must be able to read it. */
static int plan_loaded(const struct options *o, enum option option, struct jail_file *file, struct err *err)
{
    struct stat st;
    if (check_file(o, option, R_OK, err) < 0)
        return -1;
    if (stat(file->source, &st) == 0 && !(st.st_mode & S_IROTH))
        return option_refuse(err, o, option, "must be readable by everybody (chmod a+r)");
    file->fd = -1;
    return 0;
}

/* Firecracker takes an ELF file on x86 and a PE Image on arm64; a bzImage is the usual mistake. */
static int plan_kernel(const struct options *o, struct plan *plan, struct err *err)
{
    struct jail_file *file = &plan->jail.files[JAIL_KERNEL];
    if (plan_loaded(o, OPT_KERNEL_IMAGE, file, err) < 0)
        return -1;
    char start[64] = "";
    cleanup_close int fd = open(file->source, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || io_read_full(fd, start, sizeof(start)) < 0)
        return err_sys(err, "VM_KERNEL_IMAGE=%s", file->source);
#ifdef __x86_64__
    if (memcmp(start, "\177ELF", 4) != 0)
        return option_refuse(err, o, OPT_KERNEL_IMAGE,
                             "is not an ELF kernel: use an uncompressed vmlinux, not a bzImage");
    if (start[18] && start[18] != EM_X86_64) /* the low byte of e_machine (elf(5)); Firecracker does not check it */
        return option_refuse(err, o, OPT_KERNEL_IMAGE, "is a kernel for another kind of machine");
#else
    if (memcmp(start + 56, "ARM\x64", 4) != 0) /* Linux Documentation/arm64/booting.rst */
        return option_refuse(err, o, OPT_KERNEL_IMAGE, "is not an arm64 kernel: use an uncompressed Image");
#endif
    return 0;
}

static int plan_initrd(const struct options *o, struct plan *plan, struct err *err)
{
    return plan_loaded(o, OPT_INITRD_IMAGE, &plan->jail.files[JAIL_INITRD], err);
}

static void plan_net(const struct options *o, struct plan *plan, struct refusals *refused)
{
    struct net_plan *n = &plan->net;
    struct err err = {0};
    const char *ports = o->value[OPT_PORTS];
    snprintf(n->id, sizeof(n->id), "%s", plan->id);
    n->uid = plan->jail.uid;
    n->gid = plan->jail.gid;
    if (ports && net_ports_parse("VM_PORTS", ports, &n->ports, &err) < 0)
        refusals_take(refused, &err);
    settings_local_resolvers(n->dns);
    plan_takeover(o, plan, refused);
    const char *uplink = o->value[OPT_HOST_IFACE]; /* the plan has room for one name */
    if (plan->network == NETWORK_NAT && uplink && strchr(uplink, ','))
        option_refuse(&err, o, OPT_HOST_IFACE, "must be one interface, or any (VM_NETWORK=takeover takes several)");
    else if (plan->network == NETWORK_NAT && n->id[0])
        netsetup_check(n, &err);
    refusals_take(refused, &err);
}

enum { UID_TRIES = 100 };

static bool any_taken(uid_t first)
{
    for (uid_t uid = first; uid < first + JAIL_UIDS; uid++)
        if (uids_taken(uid))
            return true;
    return false;
}

int plan_draw_uids(struct plan *plan, struct err *err)
{
    uid_t uid = 0;
    for (int i = 0; i < UID_TRIES && (!uid || any_taken(uid)); i++) {
        uint32_t random;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            return err_sys(err, "cannot choose a uid");
        uid = jail_uid(random);
    }
    plan->supervisor = plan->jail.supervisor = plan->drives.server = plan->net.relay = uid + 1;
    plan->taken.relay = uid + 1;
    plan->drives.sharer = uid + 2;
    plan->drives.maker = uid + 3;
    plan->jail.uid = plan->jail.gid = plan->net.uid = plan->net.gid = uid;
    plan->taken.uid = plan->taken.gid = uid;
    plan->drives.uid = plan->drives.gid = uid;
    plan->drives.id = plan->id;
    return 0;
}

static int plan_uid(const struct options *o, struct plan *plan, struct err *err)
{
    (void)o;
    return plan_draw_uids(plan, err);
}

static void plan_jail(const struct options *o, struct plan *plan, struct refusals *refused)
{
    struct jail_plan *j = &plan->jail;
    struct err err = {0};
    j->id = plan->id;
    j->capabilities = needs_jailer();
    j->api_socket = "/run/api.sock";
    j->log = "/firecracker.log";
    j->metrics = plan->vmm.metrics = "/firecracker.metrics";
    plan->api_socket = "api.sock";
    plan->vmm.vsock = "/run/v.sock";
    plan->vmm.kernel = "/kernel";
    plan->vmm.initrd = "/initrd";
    j->files[JAIL_KERNEL].name = plan->vmm.kernel + 1;
    j->files[JAIL_INITRD].name = plan->vmm.initrd + 1;
    check_file(o, OPT_FIRECRACKER_BIN, X_OK, &err);
    refusals_take(refused, &err);
    check_file(o, OPT_JAILER_BIN, X_OK, &err);
    refusals_take(refused, &err);
    plan->workdir = (struct workdir_plan){j->base, strrchr(j->firecracker, '/'), plan->id};
    plan->workdir.exec = plan->workdir.exec ? plan->workdir.exec + 1 : j->firecracker;
}

static int plan_command(const struct options *o, struct plan *plan, struct err *err)
{
    if (!o->command[0])
        return err_set(err, "no command: give one as CMD in the Dockerfile, or as arguments");
    for (char **arg = o->command; *arg; arg++)
        buf_add(&plan->command, *arg, strlen(*arg) + 1);
    if (buf_failed(&plan->command))
        return err_set(err, "out of memory");
    plan->guest.command = &plan->command;
    plan->guest.environment = &o->environment;
    return 0;
}

int plan_make(const struct options *o, const struct resources *r, struct plan *plan, struct refusals *refused)
{
    struct resources within = *r;
    struct err err = {0};
    static int (*const first[])(const struct options *, struct plan *, struct err *) = {
        plan_command, plan_id, plan_uid, plan_boot_args, plan_kernel, plan_initrd};
    *plan = (struct plan){0};
    options_judge(o, plan, refused);
    for (size_t i = 0; i < COUNT(first); i++) {
        first[i](o, plan, &err);
        refusals_take(refused, &err);
    }
    plan_cgroup(o, &within, plan, &err);
    refusals_take(refused, &err);
    plan_sysctls(o, &plan->sysctls, &err);
    refusals_take(refused, &err);
    plan_cpus(&within, plan);
    plan_memory(o, &within, plan, &err);
    refusals_take(refused, &err);
    plan_drives(o, &plan->drives, refused);
    plan_jail(o, plan, refused);
    plan_supervise(o, plan);
    plan_net(o, plan, refused);
    return refusals_any(refused) ? -1 : 0;
}

const char *plan_network_name(const struct plan *plan)
{
    static const char *const names[] = {"nat", "takeover", "none"};
    return names[plan->network];
}

void plan_free(struct plan *plan)
{
    net_ports_free(&plan->net.ports);
    plan_drives_free(&plan->drives);
    buf_free(&plan->command);
    buf_free(&plan->sysctls);
}
