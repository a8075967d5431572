#include "entry/supervise.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "entry/channel.h"
#include "entry/console.h"
#include "entry/session.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>

/* How long the guest may take to sync its disks and end once its exit code is acknowledged. */
enum { SHUTDOWN_TIMEOUT = 20 };
#define SECOND UINT64_C(1000000000)

struct vm {
    struct loop *loop;
    struct channel *channel;
    struct session *session;
    struct console *console;
    struct watch signals, jail_end, root_end;
    struct err *err;
    unsigned boot_timeout;
    bool done;
    bool exited; /* the command has ended, with code */
    bool ran;    /* it had started: its output is waited for */
    bool acknowledged;
    int code; /* -1: failed, err says why */
};

static void end(struct vm *vm)
{
    vm->done = true;
}

static void boot_took_too_long(void *arg)
{
    struct vm *vm = arg;
    err_set(vm->err, "the guest has not started the command within BOOT_TIMEOUT=%u seconds; its console says: %s",
            vm->boot_timeout, console_summary(vm->console));
    end(vm);
}

static void shutdown_took_too_long(void *arg)
{
    log_warn("the guest did not shut down within %d seconds and is ended", SHUTDOWN_TIMEOUT);
    end(arg);
}

/* The exit code is acknowledged, and the guest thereby let go, once all output has arrived. */
static void acknowledge(void *arg)
{
    struct vm *vm = arg;
    if (!vm->exited || vm->acknowledged || (vm->ran && !session_drained(vm->session)))
        return;
    vm->acknowledged = true;
    uint32_t session = 0;
    channel_send(vm->channel, PROTO_ACK, &session, 1);
    loop_deadline(vm->loop, loop_now() + SHUTDOWN_TIMEOUT * SECOND, shutdown_took_too_long, vm);
}

static void command_failed(struct vm *vm, const struct proto_msg *msg, uint32_t code)
{
    size_t len;
    const uint8_t *text = proto_data(msg, 2, &len);
    log_error("%.*s", (int)(len > 512 ? 512 : len), text ? (const char *)text : "");
    vm->exited = true;
    vm->code = code == 126 || code == 127 ? (int)code : 125;
}

static void on_message(void *arg, const struct proto_msg *msg)
{
    struct vm *vm = arg;
    uint32_t session, value;
    if (!proto_field(msg, 0, &session) || session != 0 || !proto_field(msg, 1, &value) || vm->exited)
        return;
    switch (msg->type) {
    case PROTO_STARTED:
        vm->ran = true;
        loop_deadline(vm->loop, UINT64_MAX, NULL, NULL);
        log_info("the command has started, %u ms after the guest's kernel", value);
        break;
    case PROTO_EXITED:
        vm->exited = true;
        vm->code = (int)(value & 0xff);
        break;
    case PROTO_FAILED:
        command_failed(vm, msg, value);
        break;
    default:
        break; /* of a newer init, or nonsense: either way not for us */
    }
    acknowledge(vm);
}

static void on_stream(void *arg, uint32_t session, enum proto_kind kind, int fd)
{
    struct vm *vm = arg;
    if (session == 0)
        session_stream(vm->session, kind, fd);
    else
        close(fd);
}

static void on_signal(struct watch *w, short revents)
{
    (void)revents;
    struct vm *vm = (struct vm *)((char *)w - offsetof(struct vm, signals));
    struct signalfd_siginfo info;
    if (read(w->fd, &info, sizeof(info)) != sizeof(info))
        return;
    uint32_t fields[] = {0, info.ssi_signo};
    log_debug("signal %u goes to the command", info.ssi_signo);
    channel_send(vm->channel, PROTO_SIGNAL, fields, 2);
}

static void on_jail_end(struct watch *w, short revents)
{
    (void)revents;
    struct vm *vm = (struct vm *)((char *)w - offsetof(struct vm, jail_end));
    console_drain(vm->console);
    if (!vm->exited)
        err_set(vm->err, "the VM ended before the command did; its console says: %s", console_summary(vm->console));
    end(vm);
}

/* The guest sees I/O errors from now on; what it makes of them is up to the command. */
static void on_root_end(struct watch *w, short revents)
{
    (void)revents;
    struct vm *vm = (struct vm *)((char *)w - offsetof(struct vm, root_end));
    log_error("the root disk's server has ended: the guest can no longer read its root filesystem");
    loop_remove(vm->loop, w);
}

static int prepare(struct vm *vm, const struct supervise_fds *fds)
{
    struct channel_events events = {.message = on_message, .stream = on_stream, .arg = vm};
    vm->signals = (struct watch){.fd = fds->signals, .events = POLLIN, .ready = on_signal};
    vm->jail_end = (struct watch){.fd = fds->jail_end, .events = POLLIN, .ready = on_jail_end};
    vm->root_end = (struct watch){.fd = fds->root_end, .events = POLLIN, .ready = on_root_end};
    vm->loop = loop_new();
    if (!vm->loop)
        return -1;
    vm->channel = channel_new(vm->loop, fds->listener, &events);
    vm->session = session_new(vm->loop, acknowledge, vm);
    vm->console = console_new(vm->loop, fds->console);
    if (!vm->channel || !vm->session || !vm->console)
        return -1;
    if (loop_add(vm->loop, &vm->signals) < 0 || loop_add(vm->loop, &vm->root_end) < 0)
        return -1;
    return loop_add(vm->loop, &vm->jail_end);
}

int supervise(const struct supervise_plan *plan, const struct supervise_fds *fds, struct err *err)
{
    struct vm vm = {.err = err, .boot_timeout = plan->boot_timeout, .code = -1};
    if (prepare(&vm, fds) < 0)
        err_set(err, "out of memory supervising the VM");
    else {
        if (plan->boot_timeout)
            loop_deadline(vm.loop, loop_now() + plan->boot_timeout * SECOND, boot_took_too_long, &vm);
        loop_run(vm.loop, &vm.done);
    }
    session_free(vm.session);
    channel_free(vm.channel);
    console_free(vm.console);
    loop_free(vm.loop);
    return vm.code;
}
