#include "guest-init/serve.h"

#include "common/cleanup.h"
#include "common/container.h"
#include "common/exitcode.h"
#include "common/peer.h"
#include "common/units.h"
#include "guest-init/clock.h"
#include "guest-init/limits.h"
#include "guest-init/members.h"
#include "guest-init/request.h"
#include "guest-init/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

enum { SESSIONS_MAX = 256, PASSES_MAX = 1000 };

struct init;

struct slot {
    struct session session; /* first: a session is its slot */
    struct init *init;
};

struct init {
    struct peer control; /* first: a peer is its init */
    struct loop *loop;
    struct watch signals;
    struct clock clock;
    const struct serve_plan *plan;
    int mounts;                       /* the mount namespace of a command that is PID 1; -1: none */
    struct slot *slots[SESSIONS_MAX]; /* [0] is the VM's command; NULL: none */
    bool done;
};

static void tell_entry(struct init *in, enum proto_type type, uint32_t session, uint32_t value, const char *text)
{
    uint32_t fields[] = {session, value};
    peer_send(&in->control, type, fields, 2, text, text ? strlen(text) : 0);
}

static void tell_started(struct init *in, const struct session *s)
{
    const struct serve_plan *plan = in->plan;
    uint32_t pid = s->id == 0 && plan->command.pid1 ? 1 : (uint32_t)s->pid;
    uint32_t fields[] = {s->id, (uint32_t)(loop_now() / MILLISECOND), (uint32_t)(plan->begun / MILLISECOND), pid};
    peer_send(&in->control, PROTO_STARTED, fields, 4, NULL, 0);
}

static void output(struct session *s, enum proto_kind kind, uint64_t bytes)
{
    uint32_t fields[] = {s->id, kind, (uint32_t)bytes, (uint32_t)(bytes >> 32)};
    peer_send(&((struct slot *)s)->init->control, PROTO_END, fields, 4, NULL, 0);
}

/* A slot for a new session.  Finished sessions free their slots first, since each holds the buffers of three streams.
 */
static struct slot **find_slot(struct init *in)
{
    struct slot **found = NULL;
    for (int i = 0; i < SESSIONS_MAX; i++) {
        struct slot **slot = &in->slots[i];
        if (*slot && i > 0 && session_over(&(*slot)->session)) {
            session_close(&(*slot)->session);
            free(*slot);
            *slot = NULL;
        }
        if (!*slot && !found)
            found = slot;
    }
    return found;
}

static void start_command(struct init *in, uint32_t id, const struct command *c, bool stdin_wanted, uint32_t rows,
                          uint32_t columns)
{
    struct err err = {0};
    uint32_t code = EXIT_OURS;
    struct slot **slot = find_slot(in);
    if (!slot || !(*slot = calloc(1, sizeof(**slot)))) {
        tell_entry(in, PROTO_FAILED, id, code, "too many sessions in the guest");
        return;
    }
    struct session *s = &(*slot)->session;
    (*slot)->init = in;
    if (session_start(s, id, in->loop, c, stdin_wanted, output, &code, &err) == 0) {
        session_resize(s, rows, columns);
        tell_started(in, s);
        return;
    }
    session_close(s);
    tell_entry(in, PROTO_FAILED, id, code, err.text);
}

/* The VM exists for this command: like a container's processes, the others end with the first. */
static void end_others(const struct serve_plan *plan)
{
    /* Repeats this, because a killed process may just have forked; but not for ever. */
    for (int pass = 0; plan->spared && pass < PASSES_MAX; pass++) {
        if (members_signal_all(plan->spared, SIGKILL) == 0)
            return;
        waitpid(-1, NULL, 0);
    }
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

/* Its output may still be in transit; PROTO_END reports its end. */
static void command_ended(struct init *in, struct session *s, int status)
{
    if (s->id == 0)
        end_others(in->plan);
    bool pid1 = s->id == 0 && in->plan->command.pid1;
    session_ended(s, pid1 ? command_pid1_status(status) : status);
    uint32_t fields[] = {s->id, s->code, s->starved ? PROTO_STARVED : PROTO_ENDED};
    peer_send(&in->control, PROTO_EXITED, fields, 3, NULL, 0);
}

/* In a container, process 1 is the command itself, and gets the signals that its scripts send there.  The process group
 * does not get them, because the sender may be in it. */
static void pass_on(const struct init *in, const struct signalfd_siginfo *info)
{
    const struct session *s = in->slots[0] ? &in->slots[0]->session : NULL;
    if (s && s->pid > 0 && info->ssi_signo != SIGCHLD && info->ssi_code <= SI_USER)
        kill(s->pid, (int)info->ssi_signo);
}

/* The command's user may send signals, and end processes that become init's children, faster than init can take them.
 * The rest waits for the next round, so that this watch does not keep the others waiting. */
static void on_signal(struct watch *w, short revents)
{
    (void)revents;
    enum { SIGNALS_A_ROUND = 16, ENDS_A_ROUND = 256 };
    struct init *in = container_of(w, struct init, signals);
    struct signalfd_siginfo info;
    for (int n = 0; n < SIGNALS_A_ROUND && read(w->fd, &info, sizeof(info)) == sizeof(info); n++)
        pass_on(in, &info);
    int status, ends = 0; /* several SIGCHLD may have become one */
    for (pid_t pid; ends < ENDS_A_ROUND && (pid = waitpid(-1, &status, WNOHANG)) > 0; ends++)
        for (int i = 0; i < SESSIONS_MAX; i++)
            if (in->slots[i] && in->slots[i]->session.pid == pid) {
                command_ended(in, &in->slots[i]->session, status);
                break;
            }
    if (ends == ENDS_A_ROUND)
        raise(SIGCHLD);
}

static struct session *find_session(struct init *in, uint32_t id)
{
    for (int i = 0; i < SESSIONS_MAX; i++)
        if (in->slots[i] && in->slots[i]->session.id == id)
            return &in->slots[i]->session;
    return NULL;
}

static void exec(struct init *in, const struct proto_msg *msg)
{
    struct request r;
    if (request_parse(msg, in->plan->command.env, &r) < 0) {
        tell_entry(in, PROTO_FAILED, r.session, EXIT_OURS, "malformed request");
    } else if ((r.flags & PROTO_EXEC_BUSYBOX) && in->plan->busybox < 0) {
        tell_entry(in, PROTO_FAILED, r.session, EXIT_OURS, "the initramfs has no busybox");
    } else {
        if (r.flags & PROTO_EXEC_BUSYBOX)
            r.command.program = in->plan->busybox;
        r.command.mounts = in->mounts;
        if (!*r.command.user)
            r.command.user = in->plan->command.user;
        if (!*r.command.directory)
            r.command.directory = in->plan->command.directory;
        start_command(in, r.session, &r.command, r.flags & PROTO_EXEC_STDIN, r.rows, r.columns);
    }
    request_free(&r);
}

static void on_message(struct peer *p, const struct proto_msg *msg)
{
    struct init *in = (struct init *)p;
    uint32_t id, a, b;
    if (!proto_field(msg, 0, &id))
        return;
    struct session *s = find_session(in, id);
    if (msg->type == PROTO_ACK && id == 0)
        in->done = true;
    else if (msg->type == PROTO_EXEC && id != 0 && in->plan)
        exec(in, msg);
    else if (msg->type == PROTO_SIGNAL && s && proto_field(msg, 1, &a))
        session_signal(s, (int)a);
    else if (msg->type == PROTO_WINSIZE && s && proto_field(msg, 1, &a) && proto_field(msg, 2, &b))
        session_resize(s, a, b);
    else if (msg->type == PROTO_HANGUP && s && id != 0)
        session_hangup(s);
    else if (msg->type == PROTO_TIME && in->plan)
        clock_message(&in->clock, msg);
}

/* entry is gone, and nobody else knows this VM. */
static void on_lost(struct peer *p, int how)
{
    (void)how;
    ((struct init *)p)->done = true;
}

/* -1 when there is not even memory for a loop: then the VM just ends, which entry reports. */
static int prepare_init(struct init *in, int control)
{
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGPIPE); /* ignored: our own writes cause it */
    sigprocmask(SIG_BLOCK, &set, NULL);
    limits_own();
    in->signals = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, on_signal};
    in->loop = loop_new();
    if (!in->loop || in->signals.fd < 0 || loop_add(in->loop, &in->signals) < 0)
        return -1;
    peer_init(&in->control, in->loop, on_message, on_lost);
    return peer_connect(&in->control, control);
}

/* The VM ends after this.  The memory is freed all the same, so that a leak checker can find leaks. */
static void finish_init(struct init *in)
{
    for (int i = 0; i < SESSIONS_MAX; i++) {
        if (in->slots[i])
            session_close(&in->slots[i]->session);
        free(in->slots[i]);
    }
    if (in->mounts >= 0)
        close(in->mounts); /* its filesystems are unmounted with it */
    if (in->signals.fd >= 0)
        close(in->signals.fd);
    if (in->control.loop)
        peer_free(&in->control);
    loop_free(in->loop);
}

void serve(int control, const struct serve_plan *plan)
{
    struct init in = {.plan = plan, .mounts = -1};
    if (prepare_init(&in, control) == 0) {
        clock_start(&in.clock, in.loop, &in.control);
        start_command(&in, 0, &plan->command, true, plan->rows, plan->columns);
        if (plan->command.pid1 && in.slots[0])
            in.mounts = command_mounts(in.slots[0]->session.pid);
        loop_run(in.loop, &in.done);
        end_others(plan);
    }
    finish_init(&in);
}

void serve_failure(int control, const struct err *err)
{
    struct init in = {.mounts = -1};
    if (prepare_init(&in, control) == 0) {
        tell_entry(&in, PROTO_FAILED, 0, EXIT_OURS, err->text);
        loop_run(in.loop, &in.done);
    }
    finish_init(&in);
}
