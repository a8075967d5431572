#include "entry/stages.h"

#include "common/array.h"
#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/local.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mac.h"
#include "common/privilege.h"
#include "common/signals.h"
#include "common/units.h"
#include "entry/disks/inherited.h"
#include "entry/disks/settings.h"
#include "entry/disks/shares.h"
#include "entry/host/kvmthread.h"
#include "entry/host/rundir.h"
#include "entry/host/undo.h"
#include "entry/life/channel.h"
#include "entry/life/state.h"
#include "netsetup/claim.h"
#include "netsetup/netsetup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

static void down(void *net)
{
    struct err err = {0};
    if (netsetup_down(net, &err) < 0)
        log_warn("%s", err.text);
}

void stages_clear_dead(void)
{
    struct err err = {0};
    if (netsetup_gc(NULL, &err) < 0)
        log_debug("cannot look for what dead VMs have left: %s", err.text);
}

static void give_back(void *taken)
{
    struct err err = {0};
    if (takeover_down(taken, &err) < 0)
        log_warn("%s", err.text);
}

struct signals {
    int all;    /* passed to the command in the guest; signals that arrive before the command has started wait here */
    int ending; /* those of them that end the set-up */
};

/* SIGCHLD and SIGPIPE may also come from this process's own work; supervise tells the two cases apart.  A blocked
 * signal is queued even if it is ignored (signal(7)).  The programs that we start must not die of SIGPIPE. */
static int catch_signals(struct signals *s, struct err *err)
{
    sigset_t all, ending;
    sigfillset(&all);
    sigemptyset(&ending);
    for (int n = 1; n < NSIG; n++)
        if (signals_end(n))
            sigaddset(&ending, n);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &all, NULL);
    s->all = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    s->ending = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->all < 0 || s->ending < 0 ? err_sys(err, "cannot catch signals") : 0;
}

/* The exit code if a signal ended the set-up, as a shell reports it; otherwise code. */
static int code_of_end(const struct signals *s, int code)
{
    struct signalfd_siginfo info;
    return code < 0 && read(s->ending, &info, sizeof(info)) == sizeof(info) ? 128 + (int)info.ssi_signo : code;
}

_Static_assert((int)VMM_DRIVES_MAX >= DRIVES_MAX && (int)SERVERS_MAX >= DRIVES_MAX + SHARES_MAX &&
                   (int)SHARE_ENDS_MAX >= SHARES_MAX && (int)VMM_NICS_MAX >= TAKEOVER_CARDS_MAX,
               "every stage has room for all drives");

/* The VM as the stages make it, in their order. */
struct vm {
    const struct plan *plan;
    const struct signals *signals;
    struct undo *undo;
    struct rundir run;
    uint64_t started;
    int control; /* the local control socket's */
    struct cgroup cgroup;
    struct lockdir workdir;
    struct drives drives;
    struct shares shares;
    bool network_seen;            /* what dead VMs left in this namespace was looked for */
    const struct net_link *link;  /* NULL: no nat */
    const struct takeover *taken; /* NULL: no takeover */
    struct buf settings;          /* for the guest */
    struct jail_plan jail_plan;
    struct vmm_plan vmm_plan;
    struct jail jail;
    struct status_process firecracker;
    int listener; /* of the guest channel */
    struct vmm *vmm;
};

/* What others may read about the VM, as far as it is known. */
static int write_state(const struct vm *vm, struct err *err)
{
    const struct plan *plan = vm->plan;
    cleanup_buf struct buf text = {0};
    const struct state state = {.id = plan->id,
                                .image = plan->drives.rootfs,
                                .started = vm->started,
                                .network = plan_network_name(plan),
                                .link = vm->link,
                                .taken = vm->taken,
                                .ports = &plan->net.ports,
                                .uid = plan->jail.uid,
                                .jail = vm->vmm ? vm->jail.pid : 0};
    state_fill(&state, &text);
    return buf_failed(&text) ? err_set(err, "out of memory") : rundir_write(&vm->run, text.data, text.len, err);
}

/* The lock in its run folder is what makes the id ours. */
static int claim_folder(struct vm *vm, struct err *err)
{
    const struct plan *plan = vm->plan;
    vm->started = (uint64_t)time(NULL);
    if (rundir_make(&vm->run, LOCAL_DIR, plan->id, err) < 0 ||
        undo_push(vm->undo, "the run directory", rundir_remove, &vm->run, err) < 0)
        return -1;
    vm->control = local_listen(vm->run.path);
    return vm->control < 0 ? err_sys(err, "cannot listen in %s", vm->run.path) : write_state(vm, err);
}

static int make_cgroup(struct vm *vm, struct err *err)
{
    if (undo_push(vm->undo, "the cgroup", cgroup_remove, &vm->cgroup, err) < 0)
        return -1;
    return cgroup_make(&vm->plan->cgroup, &vm->cgroup, err);
}

static int start_disks(struct vm *vm, struct err *err)
{
    const struct plan *plan = vm->plan;
    if (workdir_make(&plan->workdir, &vm->workdir, err) < 0 ||
        undo_push(vm->undo, "the jail's directory", workdir_remove, &vm->workdir, err) < 0 ||
        undo_push(vm->undo, "the disks", drives_remove, &vm->drives, err) < 0)
        return -1;
    cancel_by(vm->signals->ending);
    int started = drives_start(&plan->drives, vm->workdir.path, &vm->drives, err);
    cancel_by(-1);
    return started;
}

static int make_network(struct vm *vm, struct err *err)
{
    const struct plan *plan = vm->plan;
    vm->network_seen = true;
    if (plan->network == NETWORK_NONE) {
        stages_clear_dead();
        return 0;
    }
    if (plan->network == NETWORK_TAKEOVER) {
        struct takeover *taken = takeover_up(&plan->taken, err);
        if (!taken || undo_push(vm->undo, "the network", give_back, taken, err) < 0)
            return -1;
        vm->taken = taken;
        return write_state(vm, err);
    }
    struct netsetup *net = netsetup_up(&plan->net, err);
    if (!net || undo_push(vm->undo, "the network", down, net, err) < 0)
        return -1;
    vm->link = netsetup_link(net);
    return write_state(vm, err);
}

/* What start_disks has begun; and the shares. */
static int finish_disks(struct vm *vm, struct err *err)
{
    cancel_by(vm->signals->ending);
    int made = drives_finish(&vm->plan->drives, &vm->drives, err);
    cancel_by(-1);
    if (made < 0 || undo_push(vm->undo, "the shares", shares_stop, &vm->shares, err) < 0)
        return -1;
    return shares_start(&vm->plan->drives, &vm->shares, err);
}

static void add_nic(struct vmm_plan *vmm, const char *tap, const uint8_t mac[MAC_BYTES])
{
    struct vmm_nic *nic = &vmm->nics[vmm->nic_count++];
    nic->tap = tap;
    mac_text(mac, nic->mac);
}

static void add_nics(struct vm *vm)
{
    if (vm->link)
        add_nic(&vm->vmm_plan, vm->link->tap, vm->link->guest_mac);
    size_t count = 0;
    const struct takeover_card *cards = vm->taken ? takeover_cards(vm->taken, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        add_nic(&vm->vmm_plan, cards[i].tap, cards[i].card.mac);
}

/* The jailer starts now, because it and Firecracker need some time until the API's socket is there.  What they do until
 * then depends neither on the network nor on the disks. */
static int start_jail(struct vm *vm, struct err *err)
{
    const struct plan *plan = vm->plan;
    vm->jail_plan = plan->jail;
    vm->jail_plan.extra = vm->cgroup.args;
    vm->jail_plan.dir = vm->workdir.path;
    if (undo_push(vm->undo, "the jail", jail_remove, &vm->jail, err) < 0 ||
        jail_make(&vm->jail_plan, &vm->jail, err) < 0)
        return -1;
    vm->listener = channel_listen(vm->jail.run, plan->vmm.vsock, plan->jail.uid, plan->jail.gid, err);
    return vm->listener < 0 ? -1 : jail_start(&vm->jail_plan, &vm->jail, err);
}

/* Of vmm_prepare and vmm_start.  If Firecracker has ended, that is the reason. */
static int ask_vmm(struct vm *vm, int (*ask)(struct vmm *v, const struct vmm_plan *plan, struct err *err),
                   struct err *err)
{
    cancel_by(vm->signals->ending);
    int r = ask(vm->vmm, &vm->vmm_plan, err);
    cancel_by(-1);
    return r < 0 && cancel_wait(vm->jail.pid_fd, 0) ? jail_explain(&vm->jail, err) : r;
}

static int prepare_vm(struct vm *vm, struct err *err)
{
    vm->vmm_plan = vm->plan->vmm;
    add_nics(vm);
    if (settings_make(&vm->plan->guest, vm->link, vm->taken, &vm->settings, err) < 0)
        return -1;
    vm->vmm = vmm_open(vm->jail.run, vm->plan->api_socket, vm->jail.pid_fd);
    return vm->vmm ? ask_vmm(vm, vmm_prepare, err) : err_set(err, "out of memory");
}

/* The jail goes on the undo stack again: once its guest runs, it ends before its network does. */
static int start_vm(struct vm *vm, struct err *err)
{
    struct vmm_plan *vmm = &vm->vmm_plan;
    for (unsigned i = 0; i < vm->drives.count; i++) {
        const struct drive *d = &vm->drives.drive[i];
        const struct jail_file file = {d->path, d->name, !d->read_only, d->fd};
        if (jail_add(&vm->jail_plan, &vm->jail, &file, err) < 0)
            return -1;
        vmm->drives[vmm->drive_count++] = (struct vmm_drive){d->name, d->read_only};
    }
    if (jail_complete(&vm->jail, err) < 0 || undo_push(vm->undo, "the VM", jail_remove, &vm->jail, err) < 0)
        return -1;
    return ask_vmm(vm, vmm_start, err);
}

/* Firecracker has everything it needs, and from here on we read what its guest sends: removes the files that only the
 * start needed, and gives up root's privileges. */
static int settle(struct vm *vm, struct err *err)
{
    const struct jail *jail = &vm->jail;
    const int always[] = {vm->signals->all, vm->signals->ending, vm->control,   vm->listener, vmm_connection(vm->vmm),
                          jail->console,    jail->log,           jail->metrics, jail->report};
    int own[COUNT(always) + SHARES_MAX];
    memcpy(own, always, sizeof(always));
    for (unsigned i = 0; i < SHARES_MAX; i++)
        own[COUNT(always) + i] = i < vm->shares.count ? vm->shares.server[i].channel : -1;
    drives_unlink(&vm->drives);
    jail_close(&vm->jail);
    if (write_state(vm, err) < 0 || workdir_seal(&vm->workdir, err) < 0 ||
        undo_entrust(vm->undo, own, COUNT(own), err) < 0)
        return -1;
    vm->firecracker = status_firecracker(jail->pid);
    kvmthread_move((pid_t)vm->firecracker.pid);
    return privilege_drop(vm->plan->supervisor, 0) < 0 ? err_sys(err, "cannot drop root's privileges") : 0;
}

static int watch(struct vm *vm, struct status_facts *facts, enum status_reason *reason, struct err *err)
{
    const struct plan *plan = vm->plan;
    const struct jail *jail = &vm->jail;
    struct supervise_fds fds = {.signals = vm->signals->all,
                                .listener = vm->listener,
                                .control = vm->control,
                                .console = jail->console,
                                .log = jail->log,
                                .metrics = jail->metrics,
                                .report = jail->report,
                                .jail_end = jail->pid_fd};
    for (unsigned i = 0; i < vm->drives.count; i++) {
        const struct drive *d = &vm->drives.drive[i];
        if (d->served.pid_fd >= 0)
            fds.servers[fds.server_count++] = (struct file_server){.end = d->served.pid_fd, .disk = d->name};
    }
    for (unsigned i = 0; i < vm->shares.count; i++) {
        const struct share_server *s = &vm->shares.server[i];
        fds.servers[fds.server_count++] = (struct file_server){.end = s->end, .share = s->source};
        fds.shares.end[fds.shares.count++] = (struct share_end){.key = s->key, .channel = s->channel};
    }
    facts->started = loop_now();
    facts->link = vm->link;
    facts->taken = vm->taken;
    facts->ports = &plan->net.ports;
    facts->firecracker = vm->firecracker;
    facts->healthcheck = plan->healthcheck;
    return supervise(&plan->supervise, vm->vmm, &fds, facts, &vm->settings, reason, err);
}

/* The stages, in order.  What each makes on the host goes on the undo stack at once.  Processes of their own make the
 * disks and start Firecracker while this one makes the network. */
static const struct {
    const char *name;
    int (*run)(struct vm *vm, struct err *err);
} stages[] = {{"folder", claim_folder}, {"cgroup", make_cgroup},   {"begun", start_disks},
              {"jail", start_jail},     {"network", make_network}, {"API", prepare_vm},
              {"disks", finish_disks},  {"VM", start_vm},          {"rights", settle}};

/* When each is done, in ms from the start, is for VM_LOG_LEVEL=debug and make bench-start. */
static int make_and_watch(struct vm *vm, struct status_facts *facts, enum status_reason *reason, struct err *err)
{
    inherited_limits(&vm->settings);
    inherited_lift();
    for (size_t i = 0; i < COUNT(stages); i++) {
        if (stages[i].run(vm, err) < 0) {
            if (!vm->network_seen)
                stages_clear_dead();
            vmm_close(vm->vmm);
            return -1;
        }
        log_debug("start: %s: %.1f ms", stages[i].name, (double)(loop_now() - facts->begun) / (double)MILLISECOND);
    }
    return watch(vm, facts, reason, err);
}

/* A descriptor whose claim keeps other VMs of this network namespace from using this VM's uids.  The uids are random,
 * which has to suffice for VMs elsewhere. */
static int claim_users(struct plan *plan, struct err *err)
{
    int fd;
    while ((fd = claim_uids(plan->jail.uid)) < 0)
        if (errno != EADDRINUSE || plan_draw_uids(plan, err) < 0)
            return err_sys(err, "cannot claim uid %u", plan->jail.uid);
    return fd;
}

int stages_run(struct plan *plan, uint64_t begun, struct err *err)
{
    struct status_facts facts = {.begun = begun};
    struct signals signals = {-1, -1};
    cleanup_close int users = claim_users(plan, err);
    enum status_reason reason = STATUS_FAILED;
    int history = status_begin(&facts);
    struct undo *u = undo_new();
    struct vm vm = {.run = RUNDIR_NONE, .workdir = LOCKDIR_NONE, .jail = JAIL_NONE}; /* until all is undone */
    vm.plan = plan, vm.signals = &signals, vm.undo = u;
    int code = users < 0 || shares_draw_keys(&plan->drives, err) < 0 ? -1
               : !u                                                  ? err_set(err, "out of memory")
                                                                     : catch_signals(&signals, err);
    if (code == 0)
        code = code_of_end(&signals, make_and_watch(&vm, &facts, &reason, err));
    status_ended(history, code < 0 ? EXIT_OURS : code, reason);
    if (u)
        undo_all(u);
    return code;
}
