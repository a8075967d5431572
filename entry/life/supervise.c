/* A VM's life, as its supervisor sees it.
 *
 * phase    means                                                    ends by
 * BOOT     the command has not started                              PROTO_STARTED -> COMMAND
 *                                                                   PROTO_FAILED, PROTO_EXITED -> END
 * COMMAND  the command runs                                         PROTO_EXITED, PROTO_FAILED -> OUTPUT
 * OUTPUT   its exit code is known, but not yet all of its output    the last output ends -> END
 * END      the guest is let go (PROTO_ACK): it writes its disks     the VM ends
 *          back, and ends
 *
 * A stop, or a signal that ends programs, ends BOOT at once with 128+n: nothing can be lost yet.
 *
 * Three facts go beside the phase: stopping (the command was asked to stop), panicked (the guest's kernel says so), and
 * gone (the VM has ended, whether it was let go or not).
 *
 * Who closes what.  The guest opens the control connection, receives its settings, and opens the command's stdin,
 * stdout and stderr before it sends PROTO_STARTED.  Once no process holds the other end of an output, the guest sends
 * PROTO_END with the number of bytes; we read that many and close the connection (common/proto.h says why not the
 * guest).  PROTO_EXITED comes when the command ends, before or after PROTO_END.  We send PROTO_ACK only when the exit
 * code and all output are here, and the guest stays until then, so no output is lost.  We close stdin when our own
 * stdin ends; the guest closes its end with the command.  What the VM wrote before it was gone may still be unread in
 * our sockets.
 *
 * Deadlines.  One runs at a time; a new one replaces the one before.
 *
 * set by                  after                            then
 * the start               VM_BOOT_TIMEOUT                  we end, 125
 * PROTO_STARTED           never                            (the boot's deadline is over)
 * a stop                  the stop's own time              in COMMAND: its output is given up, it gets SIGKILL
 *                                                          in OUTPUT: its output is given up -> END
 * that SIGKILL            KILL_TIMEOUT                     we end, 137
 * PROTO_ACK               SHUTDOWN_TIMEOUT                 we end with the command's exit status
 * a panic                 PANIC_TIMEOUT                    we end, 125 if no exit status is known
 * the VM's end            OUTPUT_TIMEOUT, or, if no output the same
 *                         is open, NO_OUTPUT_TIMEOUT
 * the same in END         at once                          we end with the command's exit status
 * the last output's end,  at once                          as after a panic
 * if the VM is gone
 *
 * To end is to leave the loop; the keeper then ends the VM if it still runs (entry/host/undo.h). */
#include "entry/life/supervise.h"

#include "common/cleanup.h"
#include "common/container.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/signals.h"
#include "common/streams.h"
#include "common/terminal.h"
#include "common/units.h"
#include "entry/host/failure.h"
#include "entry/life/answers.h"
#include "entry/life/channel.h"
#include "entry/life/received.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

/* In this order: the time that the guest has to write its disks back and end; to react when its command is killed; to
 * end after a panic.  Then the time for our reader to take the remaining output of a VM that is gone; and, if no output
 * is open then, for messages that may still be unread. */
#define SHUTDOWN_TIMEOUT (20 * SECOND)
#define KILL_TIMEOUT (2 * SECOND)
#define PANIC_TIMEOUT (3 * SECOND)
#define OUTPUT_TIMEOUT (5 * SECOND)
#define NO_OUTPUT_TIMEOUT (SECOND / 10)

enum phase { PHASE_BOOT, PHASE_COMMAND, PHASE_OUTPUT, PHASE_END };

struct supervisor {
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
    struct answers answers;
    int report;
    struct received signals;
    struct watch jail_end;
    struct servers servers;
    struct err *err;
    const struct status_facts *facts;
    struct status_boot boot;
    enum phase phase;
    bool stopping, panicked, gone;
    enum status_state state;   /* for people */
    enum status_reason reason; /* of the end; for people */
    int code;                  /* -1: none is known */
    bool done;
};

static void after(struct supervisor *s, uint64_t ns, void (*fired)(void *arg))
{
    loop_deadline(s->loop, loop_now() + ns, fired, s);
}

static void end(struct supervisor *s)
{
    s->done = true;
}

static bool has_exited(const struct supervisor *s)
{
    return s->phase >= PHASE_OUTPUT;
}

static void boot_took_too_long(void *arg)
{
    struct supervisor *s = arg;
    s->reason = STATUS_BOOT_TIMEOUT;
    err_set(s->err, "the guest has not started the command within VM_BOOT_TIMEOUT=%u seconds; its console says: %s",
            s->plan->boot_timeout, console_summary(s->console));
    end(s);
}

static void shutdown_took_too_long(void *arg)
{
    log_warn("the guest did not shut down within %d seconds: killing the VM", (int)(SHUTDOWN_TIMEOUT / SECOND));
    end(arg);
}

static void kill_took_too_long(void *arg)
{
    struct supervisor *s = arg;
    log_warn("the guest does not respond: killing the VM");
    if (!has_exited(s))
        s->code = 128 + SIGKILL;
    s->reason = STATUS_STOP_TIMEOUT;
    end(s);
}

/* The VM has ended, and what it wrote before has been passed on, or cannot be. */
static void end_gone(void *arg)
{
    struct supervisor *s = arg;
    console_drain(s->console);
    if (!has_exited(s)) {
        const char *said = console_summary(s->console);
        if (s->panicked)
            s->reason = STATUS_KERNEL_PANIC;
        if (!s->gone || s->panicked || !failure_explain(s->report, said, vmmlog_text(s->log), s->err))
            err_set(s->err, "%s; its console says: %s",
                    s->panicked ? "the guest's kernel panicked" : "the VM ended before the command did", said);
    }
    end(s);
}

static void send_signal(struct supervisor *s, int signo)
{
    uint32_t fields[] = {0, (uint32_t)signo};
    log_debug("passing signal %d to the command", signo);
    channel_send(s->channel, PROTO_SIGNAL, fields, 2, NULL, 0);
}

/* There is no command yet that could end, and no data that could be lost. */
static bool end_boot(struct supervisor *s, int signo)
{
    if (s->phase != PHASE_BOOT)
        return false;
    s->reason = STATUS_STOPPED;
    s->code = 128 + signo;
    end(s);
    return true;
}

/* OUTPUT or BOOT -> END */
static void let_go(struct supervisor *s)
{
    s->phase = PHASE_END;
    s->servers.ending = true;
    channel_send(s->channel, PROTO_ACK, &(uint32_t){0}, 1, NULL, 0);
    if (!s->gone)
        after(s, SHUTDOWN_TIMEOUT, shutdown_took_too_long);
}

/* An output has ended, or been given up: was it the last that somebody waits for? */
static void on_output(void *arg)
{
    struct supervisor *s = arg;
    if (s->gone && (!s->streams || !streams_open(s->streams)))
        after(s, 0, end_gone);
    if (s->phase == PHASE_OUTPUT && (!s->streams || streams_drained(s->streams)))
        let_go(s);
}

/* COMMAND -> OUTPUT, or BOOT -> END: a command that never ran has no output. */
static void exited(struct supervisor *s, int code)
{
    s->code = code;
    if (!s->panicked)
        s->state = STATUS_STOPPING; /* no pause from here on */
    pause_end(&s->answers.pause);
    if (s->phase == PHASE_BOOT)
        let_go(s);
    else
        s->phase = PHASE_OUTPUT;
    on_output(s);
}

/* Output that nobody reads no longer delays the end.  Once the command is killed, the guest syncs its disks and ends as
 * usual. */
static void stop_took_too_long(void *arg)
{
    struct supervisor *s = arg;
    streams_free(s->streams);
    s->streams = NULL;
    if (has_exited(s)) {
        on_output(s);
        return;
    }
    log_warn("the command did not stop in time: killing it");
    s->reason = STATUS_STOP_TIMEOUT;
    send_signal(s, SIGKILL);
    after(s, KILL_TIMEOUT, kill_took_too_long);
}

/* On a second request, the command gets the signal again, but no more time. */
static void stop(void *arg, uint32_t seconds)
{
    struct supervisor *s = arg;
    if (end_boot(s, SIGTERM))
        return;
    pause_end(&s->answers.pause);
    if (!has_exited(s))
        send_signal(s, s->plan->stop_signal);
    if (s->stopping || s->phase == PHASE_END)
        return;
    s->stopping = true;
    s->state = STATUS_STOPPING;
    log_info("stopping: the command is killed after %u seconds", seconds);
    after(s, seconds * SECOND, stop_took_too_long);
}

/* What the kernel says in any panic (kernel/panic.c).  With panic=1, which is the default here, it then reboots
 * and so ends the VM. */
static void on_console_line(void *arg, const char *line)
{
    struct supervisor *s = arg;
    if (s->panicked || !strstr(line, "Kernel panic - not syncing"))
        return;
    s->panicked = true;
    s->state = STATUS_PANICKED;
    if (!s->gone)
        after(s, PANIC_TIMEOUT, end_gone);
}

/* BOOT -> COMMAND */
static void command_started(struct supervisor *s, const struct proto_msg *msg, uint32_t ms)
{
    s->phase = PHASE_COMMAND;
    s->boot = (struct status_boot){.exec = loop_now(), .exec_ms = ms};
    proto_field(msg, 2, &s->boot.init_ms);
    proto_field(msg, 3, &s->boot.pid);
    if (s->gone || s->panicked)
        return; /* whose deadline holds */
    s->state = STATUS_RUNNING;
    loop_deadline(s->loop, UINT64_MAX, NULL, NULL);
    log_info("the command has started, %u ms after the guest's kernel", ms);
}

static void command_exited(struct supervisor *s, const struct proto_msg *msg, uint32_t value)
{
    uint32_t why;
    int code = (int)(value & 0xff);
    if (s->reason != STATUS_STOP_TIMEOUT)
        s->reason = s->stopping ? STATUS_STOPPED : STATUS_EXITED;
    if (s->plan->init && s->stopping && code == 128 + SIGHUP)
        code = 0; /* sysvinit has no signal to end with but the one that reboots */
    if (proto_field(msg, 2, &why) && why == PROTO_STARVED) {
        s->reason = STATUS_OUT_OF_MEMORY;
        terminal_restore();
        log_error("the guest's kernel killed the command: out of memory (raise MEM_SIZE_MIB)");
    }
    exited(s, code);
}

static void command_failed(struct supervisor *s, const struct proto_msg *msg, uint32_t code)
{
    size_t len;
    const uint8_t *text = proto_data(msg, 2, &len);
    terminal_restore();
    log_error("%.*s", (int)(len > 512 ? 512 : len), text ? (const char *)text : "");
    exited(s, code == 126 || code == 127 ? (int)code : EXIT_OURS);
}

static void on_message(void *arg, const struct proto_msg *msg)
{
    struct supervisor *s = arg;
    uint32_t session, value;
    if (!proto_field(msg, 0, &session) || !proto_field(msg, 1, &value))
        return;
    if (session != 0) {
        control_message(s->control, session, msg);
    } else if (msg->type == PROTO_END && s->streams) {
        streams_end(s->streams, msg);
        on_output(s);
    } else if (msg->type == PROTO_STARTED && s->phase == PHASE_BOOT) {
        command_started(s, msg, value);
    } else if (msg->type == PROTO_EXITED && !has_exited(s)) {
        command_exited(s, msg, value);
    } else if (msg->type == PROTO_FAILED && !has_exited(s)) {
        command_failed(s, msg, value);
    }
}

static void on_malformed(void *arg)
{
    err_set(((struct supervisor *)arg)->err,
            "the guest sent a malformed message on its control connection: killing the VM");
}

static void on_stream(void *arg, uint32_t session, enum proto_kind kind, int fd)
{
    struct supervisor *s = arg;
    /* Not earlier, because during the boot Ctrl-C must end us.  Not later, because Ctrl-D would then be the end of our
     * stdin. */
    if (session == 0 && kind == PROTO_STDIN && s->plan->tty)
        terminal_raw();
    if (session == 0 && s->streams)
        streams_join(s->streams, kind, fd);
    else if (session == 0)
        close(fd);
    else
        control_stream(s->control, session, kind, fd);
}

static void on_signal(void *arg, int signo)
{
    struct supervisor *s = arg;
    if (signals_end(signo) && end_boot(s, signo))
        return;
    if (signo == SIGTERM) {
        stop(s, s->plan->stop_timeout);
    } else if (signo == SIGWINCH && s->plan->tty) {
        uint32_t fields[3] = {0};
        terminal_size(&fields[1], &fields[2]);
        channel_send(s->channel, PROTO_WINSIZE, fields, 3, NULL, 0);
    } else {
        send_signal(s, signo);
    }
}

/* Earlier data from the guest may still be unread: its last output, even its exit code. */
static void on_jail_end(struct watch *w, short revents)
{
    (void)revents;
    struct supervisor *s = container_of(w, struct supervisor, jail_end);
    loop_remove(s->loop, w);
    s->gone = s->servers.ending = true;
    if (s->phase == PHASE_END)
        end(s);
    else
        after(s, s->streams && streams_open(s->streams) ? OUTPUT_TIMEOUT : NO_OUTPUT_TIMEOUT, end_gone);
}

static int to_guest(void *arg, enum proto_type type, const uint32_t *fields, size_t count, const void *data, size_t len)
{
    return channel_send(((struct supervisor *)arg)->channel, type, fields, count, data, len);
}

/* What clients are answered from. */
static void prepare_answers(struct supervisor *s)
{
    s->answers = (struct answers){.known = {.id = s->plan->id,
                                            .mem_mib = s->plan->mem_mib,
                                            .facts = s->facts,
                                            .boot = &s->boot,
                                            .state = &s->state},
                                  .console = s->console,
                                  .log = s->log,
                                  .pause = {.vmm = s->vmm, .control = s->control, .state = &s->state},
                                  .collect = {.known = &s->answers.known,
                                              .loop = s->loop,
                                              .vmm = s->vmm,
                                              .control = s->control,
                                              .balloon = s->balloon,
                                              .counters = s->counters}};
}

static int prepare_supervision(struct supervisor *s, struct supervise_fds *fds, struct buf *settings)
{
    const struct channel_events from_guest = {
        .message = on_message, .stream = on_stream, .malformed = on_malformed, .arg = s, .shares = &fds->shares};
    const struct control_events asked = {.to_guest = to_guest, .stop = stop, .arg = s};
    const struct control_questions questions = answers_questions(&s->answers);
    s->report = fds->report;
    s->signals = (struct received){.signal = on_signal, .arg = s};
    s->jail_end = (struct watch){.fd = fds->jail_end, .events = POLLIN, .ready = on_jail_end};
    s->loop = loop_new();
    if (!s->loop)
        return -1;
    vmm_join(s->vmm, s->loop);
    s->channel = channel_new(s->loop, fds->listener, settings, &from_guest);
    s->control = control_new(s->loop, fds->control, &asked, &questions);
    s->streams = streams_new(s->loop, true, s->plan->tty, on_output, s);
    s->console = console_new(s->loop, fds->console, "console", on_console_line, s);
    s->log = vmmlog_new(s->loop, fds->log);
    s->balloon = balloon_new(s->loop, s->vmm, s->plan->mem_mib, s->plan->mem_min_mib);
    s->counters = counters_new(s->loop, fds->metrics);
    prepare_answers(s);
    if (!s->channel || !s->control || !s->streams || !s->console || !s->log || !s->balloon || !s->counters ||
        servers_watch(&s->servers, s->loop, fds->servers, fds->server_count) < 0)
        return -1;
    return received_watch(&s->signals, s->loop, fds->signals) < 0 ? -1 : loop_add(s->loop, &s->jail_end);
}

int supervise(const struct supervise_plan *plan, struct vmm *vmm, struct supervise_fds *fds,
              const struct status_facts *facts, struct buf *settings, enum status_reason *reason, struct err *err)
{
    struct supervisor s = {.plan = plan, .vmm = vmm, .facts = facts, .err = err, .code = -1};
    if (prepare_supervision(&s, fds, settings) < 0)
        err_set(err, "out of memory while supervising the VM");
    else if (sandbox_enter(SANDBOX_SUPERVISOR, err) == 0) {
        if (plan->boot_timeout)
            after(&s, plan->boot_timeout * SECOND, boot_took_too_long);
        loop_run(s.loop, &s.done);
        terminal_restore();
    }
    streams_free(s.streams);
    channel_free(s.channel);
    buf_free(settings); /* if the guest has not come for them */
    control_free(s.control);
    console_free(s.console);
    vmmlog_free(s.log);
    vmm_close(s.vmm);
    balloon_free(s.balloon);
    counters_free(s.counters);
    *reason = s.reason;
    loop_free(s.loop);
    return s.code;
}
