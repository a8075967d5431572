#include "entry/life/supervise.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/process.h"
#include "common/sandbox.h"
#include "common/signals.h"
#include "common/streams.h"
#include "common/terminal.h"
#include "entry/host/failure.h"
#include "entry/life/channel.h"
#include "entry/life/collect.h"
#include "entry/life/control.h"
#include "entry/life/pause.h"
#include "entry/vmm/console.h"
#include "entry/vmm/vmmlog.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>

/* Seconds that the guest may take: to sync its disks and end once its exit code is acknowledged, to react when its
 * command is killed, to end after a panic; and that our reader may take for the rest when the VM has gone. */
enum { SHUTDOWN_TIMEOUT = 20, KILL_TIMEOUT = 2, PANIC_TIMEOUT = 3, OUTPUT_TIMEOUT = 5 };
#define SECOND UINT64_C(1000000000)

struct server {
    struct watch end;
    struct vm *vm;
    const char *name;
};

struct vm {
    const struct supervise_plan *plan;
    struct loop *loop;
    struct vmm *vmm;
    struct channel *channel;
    struct control *control;
    struct streams *streams; /* NULL: given up */
    struct console *console;
    struct vmmlog *log;
    struct balloon *balloon;
    struct counters *counters;
    struct collect collect;
    struct pause pause;
    int report;
    struct watch signals, jail_end;
    struct server servers[SUPERVISE_SERVERS_MAX];
    struct err *err;
    const char *state, *reason; /* reason: of the end */
    const struct status_facts *facts;
    struct status_boot boot;
    bool done;
    bool exited; /* the command has ended, with code */
    bool ran;    /* it had started: its output is waited for */
    bool acknowledged;
    bool stopping; /* it was asked to stop */
    bool gone;     /* the VM has ended */
    bool panicked; /* its kernel has */
    int code;      /* -1: failed, err says why */
};

static void end(struct vm *vm)
{
    vm->done = true;
}

static void boot_took_too_long(void *arg)
{
    struct vm *vm = arg;
    vm->reason = "boot-timeout";
    err_set(vm->err, "the guest has not started the command within VM_BOOT_TIMEOUT=%u seconds; its console says: %s",
            vm->plan->boot_timeout, console_summary(vm->console));
    end(vm);
}

static void shutdown_took_too_long(void *arg)
{
    log_warn("the guest did not shut down within %d seconds and is ended", SHUTDOWN_TIMEOUT);
    end(arg);
}

static void kill_took_too_long(void *arg)
{
    struct vm *vm = arg;
    log_warn("the guest does not react and is ended");
    vm->code = vm->exited ? vm->code : 128 + SIGKILL;
    vm->reason = "stop-timeout";
    vm->exited = true;
    end(vm);
}

static void send_signal(struct vm *vm, int signo)
{
    uint32_t fields[] = {0, (uint32_t)signo};
    log_debug("signal %d goes to the command", signo);
    channel_send(vm->channel, PROTO_SIGNAL, fields, 2, NULL, 0);
}

/* There is no command yet that could end, and nothing that could be lost. */
static bool end_boot(struct vm *vm, int signo)
{
    if (vm->ran || vm->exited)
        return false;
    vm->exited = true;
    vm->reason = "stopped";
    vm->code = 128 + signo;
    end(vm);
    return true;
}

static void acknowledge(void *arg);

/* Output that nobody reads holds nothing up any more.  With the command killed, the guest syncs its disks
 * and ends as it always does. */
static void stop_took_too_long(void *arg)
{
    struct vm *vm = arg;
    streams_free(vm->streams);
    vm->streams = NULL;
    if (vm->exited) {
        acknowledge(vm);
        return;
    }
    log_warn("the command has not stopped in time and is killed");
    vm->reason = "stop-timeout";
    send_signal(vm, SIGKILL);
    loop_deadline(vm->loop, loop_now() + KILL_TIMEOUT * SECOND, kill_took_too_long, vm);
}

/* Asked again, the command gets the signal again, but no more time. */
static void stop(void *arg, uint32_t seconds)
{
    struct vm *vm = arg;
    if (end_boot(vm, SIGTERM))
        return;
    pause_end(&vm->pause);
    if (!vm->exited)
        send_signal(vm, vm->plan->stop_signal);
    if (vm->stopping || vm->acknowledged)
        return;
    vm->stopping = true;
    vm->state = "stopping";
    log_info("stopping: the command has %u seconds, then it is killed", seconds);
    loop_deadline(vm->loop, loop_now() + seconds * SECOND, stop_took_too_long, vm);
}

/* The VM has ended, and what it wrote before has been passed on, or cannot be. */
static void end_gone(void *arg)
{
    struct vm *vm = arg;
    console_drain(vm->console);
    if (!vm->exited && vm->panicked)
        vm->reason = "panicked";
    bool told = !vm->exited && vm->gone && !vm->panicked &&
                failure_explain(vm->report, console_summary(vm->console), vmmlog_text(vm->log), vm->err);
    if (!vm->exited && !told)
        err_set(vm->err, "%s; its console says: %s",
                vm->panicked ? "the guest's kernel panicked" : "the VM ended before the command did",
                console_summary(vm->console));
    end(vm);
}

/* What the kernel says in any panic (kernel/panic.c).  With panic=1, which is the default here, it then reboots
 * and so ends the VM. */
static void on_console_line(void *arg, const char *line)
{
    struct vm *vm = arg;
    if (vm->panicked || !strstr(line, "Kernel panic - not syncing"))
        return;
    vm->panicked = true;
    vm->state = "panicked";
    if (!vm->gone)
        loop_deadline(vm->loop, loop_now() + PANIC_TIMEOUT * SECOND, end_gone, vm);
}

/* The exit code is acknowledged, and the guest thereby let go, once all output has arrived. */
static void acknowledge(void *arg)
{
    struct vm *vm = arg;
    if (vm->gone && (!vm->streams || !streams_open(vm->streams)))
        loop_deadline(vm->loop, loop_now(), end_gone, vm);
    if (!vm->exited || vm->acknowledged || (vm->ran && vm->streams && !streams_drained(vm->streams)))
        return;
    vm->acknowledged = true;
    pause_end(&vm->pause);
    uint32_t session = 0;
    channel_send(vm->channel, PROTO_ACK, &session, 1, NULL, 0);
    if (!vm->gone)
        loop_deadline(vm->loop, loop_now() + SHUTDOWN_TIMEOUT * SECOND, shutdown_took_too_long, vm);
}

static void command_started(struct vm *vm, const struct proto_msg *msg, uint32_t ms)
{
    vm->ran = true;
    vm->boot = (struct status_boot){.exec = loop_now(), .exec_ms = ms};
    proto_field(msg, 2, &vm->boot.init_ms);
    proto_field(msg, 3, &vm->boot.pid);
    if (vm->stopping || vm->gone)
        return; /* their deadline holds */
    vm->state = "running";
    loop_deadline(vm->loop, UINT64_MAX, NULL, NULL);
    log_info("the command has started, %u ms after the guest's kernel", ms);
}

static void command_exited(struct vm *vm, const struct proto_msg *msg, uint32_t code)
{
    uint32_t why;
    vm->exited = true;
    vm->code = (int)(code & 0xff);
    if (strcmp(vm->reason, "stop-timeout") != 0)
        vm->reason = vm->stopping ? "stopped" : "exited";
    if (vm->plan->init && vm->stopping && vm->code == 128 + SIGHUP)
        vm->code = 0; /* sysvinit has no signal to end with but the one that reboots */
    if (proto_field(msg, 2, &why) && why == PROTO_STARVED) {
        vm->reason = "out-of-memory";
        terminal_restore();
        log_error("the guest's kernel killed the command: out of memory (raise MEM_SIZE_MIB)");
    }
}

static void command_failed(struct vm *vm, const struct proto_msg *msg, uint32_t code)
{
    size_t len;
    const uint8_t *text = proto_data(msg, 2, &len);
    terminal_restore();
    log_error("%.*s", (int)(len > 512 ? 512 : len), text ? (const char *)text : "");
    vm->exited = true;
    vm->code = code == 126 || code == 127 ? (int)code : 125;
}

static void on_message(void *arg, const struct proto_msg *msg)
{
    struct vm *vm = arg;
    uint32_t session, value;
    if (!proto_field(msg, 0, &session) || !proto_field(msg, 1, &value))
        return;
    if (session != 0) {
        control_message(vm->control, session, msg);
        return;
    }
    if (msg->type == PROTO_END && vm->streams)
        streams_end(vm->streams, msg);
    if (vm->exited)
        return;
    if (msg->type == PROTO_STARTED && !vm->ran)
        command_started(vm, msg, value);
    else if (msg->type == PROTO_EXITED)
        command_exited(vm, msg, value);
    else if (msg->type == PROTO_FAILED)
        command_failed(vm, msg, value);
    acknowledge(vm);
}

static void on_malformed(void *arg)
{
    err_set(((struct vm *)arg)->err, "the guest sent a malformed message on its control connection, and is ended");
}

static void on_stream(void *arg, uint32_t session, enum proto_kind kind, int fd)
{
    struct vm *vm = arg;
    /* Not before: during the boot Ctrl-C is to end us.  Not after: Ctrl-D would be the end of our stdin. */
    if (session == 0 && kind == PROTO_STDIN && vm->plan->tty)
        terminal_raw();
    if (session == 0 && vm->streams)
        streams_join(vm->streams, kind, fd);
    else if (session == 0)
        close(fd);
    else
        control_stream(vm->control, session, kind, fd);
}

/* The kernel tells of our own children's ends, and of our own writes that nobody reads. */
static bool is_our_own(const struct signalfd_siginfo *info)
{
    return (info->ssi_signo == SIGCHLD && info->ssi_code > SI_USER) ||
           (info->ssi_signo == SIGPIPE && info->ssi_pid == (uint32_t)getpid());
}

static void on_signal(struct watch *w, short revents)
{
    (void)revents;
    struct vm *vm = (struct vm *)((char *)w - offsetof(struct vm, signals));
    struct signalfd_siginfo info;
    ssize_t n = read(w->fd, &info, sizeof(info));
    process_reap(); /* behind every signal: one SIGCHLD may stand for many */
    if (n != sizeof(info) || is_our_own(&info))
        return;
    if (signals_end((int)info.ssi_signo) && end_boot(vm, (int)info.ssi_signo))
        return;
    if (info.ssi_signo == SIGTERM) {
        stop(vm, vm->plan->stop_timeout);
    } else if (info.ssi_signo == SIGWINCH && vm->plan->tty) {
        uint32_t fields[3] = {0};
        terminal_size(&fields[1], &fields[2]);
        channel_send(vm->channel, PROTO_WINSIZE, fields, 3, NULL, 0);
    } else {
        send_signal(vm, (int)info.ssi_signo);
    }
}

/* What came from the guest before may still be unread: its last output, even its exit code. */
static void on_jail_end(struct watch *w, short revents)
{
    (void)revents;
    struct vm *vm = (struct vm *)((char *)w - offsetof(struct vm, jail_end));
    loop_remove(vm->loop, w);
    vm->gone = true;
    if (vm->acknowledged)
        end(vm);
    else
        loop_deadline(vm->loop, loop_now() + OUTPUT_TIMEOUT * SECOND, end_gone, vm);
    if (!vm->done && (!vm->streams || !streams_open(vm->streams)))
        loop_deadline(vm->loop, loop_now() + SECOND / 10, end_gone, vm);
}

/* The guest sees I/O errors from now on; what it makes of them is up to the command. */
static void on_server_end(struct watch *w, short revents)
{
    (void)revents;
    struct server *s = (struct server *)((char *)w - offsetof(struct server, end));
    log_error("the %s disk's server has ended: the guest can no longer read that disk", s->name);
    loop_remove(s->vm->loop, w);
}

static int to_guest(void *arg, enum proto_type type, const uint32_t *fields, size_t count, const void *data, size_t len)
{
    return channel_send(((struct vm *)arg)->channel, type, fields, count, data, len);
}

static void fill_status(void *arg, struct buf *out)
{
    struct vm *vm = arg;
    status_fill(vm->plan->id, vm->state, vm->facts, &vm->boot, out);
}

static void fill_logs(void *arg, struct buf *out)
{
    const struct buf *text = console_text(((struct vm *)arg)->console);
    buf_add(out, text->data, text->len);
}

static void fill_vmm_logs(void *arg, struct buf *out)
{
    const char *text = vmmlog_text(((struct vm *)arg)->log);
    buf_str(out, text ? text : "");
}

static void fill_health(void *arg, struct buf *out)
{
    const struct vm *vm = arg;
    buf_add(out, vm->state, strlen(vm->state) + 1);
    buf_str(out, vm->facts->healthcheck ? vm->facts->healthcheck : "");
}

static void ask_metrics(void *arg)
{
    collect_metrics(&((struct vm *)arg)->collect);
}

static void ask_pause(void *arg, bool paused)
{
    pause_ask(&((struct vm *)arg)->pause, paused);
}

static bool is_paused(void *arg)
{
    return ((struct vm *)arg)->pause.asked;
}

static int prepare(struct vm *vm, const struct supervise_fds *fds, struct buf *settings)
{
    struct channel_events events = {.message = on_message, .stream = on_stream, .malformed = on_malformed, .arg = vm};
    struct control_events asked = {to_guest,    stop,        fill_status, fill_logs, fill_vmm_logs,
                                   fill_health, ask_metrics, ask_pause,   is_paused, vm};
    vm->report = fds->report;
    vm->signals = (struct watch){.fd = fds->signals, .events = POLLIN, .ready = on_signal};
    vm->jail_end = (struct watch){.fd = fds->jail_end, .events = POLLIN, .ready = on_jail_end};
    vm->loop = loop_new();
    if (!vm->loop)
        return -1;
    vmm_join(vm->vmm, vm->loop);
    vm->channel = channel_new(vm->loop, fds->listener, settings, &events);
    vm->control = control_new(vm->loop, fds->control, &asked);
    vm->streams = streams_new(vm->loop, true, vm->plan->tty, acknowledge, vm);
    vm->console = console_new(vm->loop, fds->console, "console", on_console_line, vm);
    vm->log = vmmlog_new(vm->loop, fds->log);
    vm->balloon = balloon_new(vm->loop, vm->vmm, vm->plan->mem_mib, vm->plan->mem_min_mib);
    vm->counters = counters_new(vm->loop, fds->metrics);
    vm->pause = (struct pause){.vmm = vm->vmm, .control = vm->control, .state = &vm->state};
    vm->collect = (struct collect){.loop = vm->loop,
                                   .vmm = vm->vmm,
                                   .control = vm->control,
                                   .balloon = vm->balloon,
                                   .counters = vm->counters,
                                   .plan = vm->plan,
                                   .facts = vm->facts,
                                   .boot = &vm->boot,
                                   .state = &vm->state};
    if (!vm->channel || !vm->control || !vm->streams || !vm->console || !vm->log || !vm->balloon || !vm->counters)
        return -1;
    for (unsigned i = 0; i < fds->server_count; i++) {
        struct server *s = &vm->servers[i];
        *s = (struct server){
            {.fd = fds->servers[i].end, .events = POLLIN, .ready = on_server_end}, vm, fds->servers[i].name};
        if (loop_add(vm->loop, &s->end) < 0)
            return -1;
    }
    return loop_add(vm->loop, &vm->signals) < 0 ? -1 : loop_add(vm->loop, &vm->jail_end);
}

int supervise(const struct supervise_plan *plan, struct vmm *vmm, const struct supervise_fds *fds,
              const struct status_facts *facts, struct buf *settings, const char **reason, struct err *err)
{
    struct vm vm = {
        .plan = plan, .vmm = vmm, .facts = facts, .err = err, .code = -1, .state = "booting", .reason = "failed"};
    if (prepare(&vm, fds, settings) < 0)
        err_set(err, "out of memory supervising the VM");
    else if (sandbox_enter(SANDBOX_SUPERVISOR, err) == 0) {
        if (plan->boot_timeout)
            loop_deadline(vm.loop, loop_now() + plan->boot_timeout * SECOND, boot_took_too_long, &vm);
        loop_run(vm.loop, &vm.done);
        terminal_restore();
    }
    streams_free(vm.streams);
    channel_free(vm.channel);
    buf_free(settings); /* if the guest has not come for them */
    control_free(vm.control);
    console_free(vm.console);
    vmmlog_free(vm.log);
    vmm_close(vm.vmm);
    balloon_free(vm.balloon);
    counters_free(vm.counters);
    *reason = vm.reason;
    loop_free(vm.loop);
    return vm.code;
}
