#include "guest-init/serve.h"

#include "common/cleanup.h"
#include "common/peer.h"
#include "common/pump.h"
#include "guest-init/command.h"
#include "guest-init/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* One of the command's three streams: its pipe, and the connection to entry. */
struct stream {
    struct pump pump; /* first: a pump is its stream */
    struct init *init;
    int pipe, host; /* our ends; -1: ended */
};

struct init {
    struct peer control; /* first: a peer is its init */
    struct loop *loop;
    struct watch signals;
    struct stream stream[3]; /* by descriptor number of the command */
    pid_t pid;               /* the command; -1: not running */
    bool ended;              /* it has run, with code */
    bool told;               /* entry was told */
    bool done;
    uint32_t code;
};

static void tell_end(struct init *in, enum proto_type type, uint32_t code, const char *text)
{
    uint32_t fields[] = {0, code};
    in->told = true;
    peer_send(&in->control, type, fields, 2, text, text ? strlen(text) : 0);
}

/* Once the command has ended and all that it wrote is with the host. */
static void check_end(struct init *in)
{
    if (in->ended && !in->told && in->stream[1].pipe < 0 && in->stream[2].pipe < 0)
        tell_end(in, PROTO_EXITED, in->code, NULL);
}

static void close_stream(struct stream *st)
{
    pump_stop(&st->pump);
    if (st->pipe >= 0)
        close(steal_fd(&st->pipe));
    if (st->host >= 0)
        close(steal_fd(&st->host));
}

static void stream_ended(struct pump *p)
{
    struct stream *st = (struct stream *)p;
    close_stream(st);
    check_end(st->init);
}

static int open_stream(struct init *in, int number, int *command_end, struct err *err)
{
    static const enum proto_kind kinds[] = {PROTO_STDIN, PROTO_STDOUT, PROTO_STDERR};
    struct stream *st = &in->stream[number];
    int ends[2];
    st->init = in;
    st->host = host_connect(kinds[number], 0, err);
    if (st->host < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cannot make a pipe");
    *command_end = ends[number == 0 ? 0 : 1];
    st->pipe = ends[number == 0 ? 1 : 0];
    fcntl(st->pipe, F_SETFL, O_NONBLOCK); /* a pipe's two ends have flags of their own */
    int from = number == 0 ? st->host : st->pipe, to = number == 0 ? st->pipe : st->host;
    return pump_start(&st->pump, in->loop, from, to, 0, stream_ended) < 0 ? err_set(err, "out of memory") : 0;
}

/* Milliseconds since the kernel started. */
static uint32_t uptime(void)
{
    return (uint32_t)(loop_now() / 1000000);
}

static void start(struct init *in, char *const *command, char *const *env)
{
    struct err err = {0};
    int stdio[3] = {-1, -1, -1}, error = 0;
    for (int i = 0; i < 3; i++)
        if (open_stream(in, i, &stdio[i], &err) < 0)
            break;
    if (!err.text[0])
        in->pid = command_start(command, env, stdio, &error);
    for (int i = 0; i < 3; i++)
        if (stdio[i] >= 0)
            close(stdio[i]);
    if (in->pid > 0) {
        uint32_t fields[] = {0, uptime()};
        peer_send(&in->control, PROTO_STARTED, fields, 2, NULL, 0);
        return;
    }
    if (!err.text[0]) {
        errno = error;
        err_sys(&err, "cannot run '%s' in the guest", command[0]);
    }
    tell_end(in, PROTO_FAILED, error ? command_code(error) : 125, err.text);
}

/* The command was the VM's purpose: as a container's processes end with its first, the others end now. */
static void command_ended(struct init *in, int status)
{
    in->pid = -1;
    in->ended = true;
    in->code = (uint32_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    close_stream(&in->stream[0]);
    check_end(in);
}

static void on_signal(struct watch *w, short revents)
{
    (void)revents;
    struct init *in = (struct init *)((char *)w - offsetof(struct init, signals));
    struct signalfd_siginfo info;
    while (read(w->fd, &info, sizeof(info)) == sizeof(info))
        ; /* SIGCHLD; several may have become one */
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == in->pid) {
            command_ended(in, status);
            return;
        }
}

static void on_message(struct peer *p, const struct proto_msg *msg)
{
    struct init *in = (struct init *)p;
    uint32_t session, signo;
    if (!proto_field(msg, 0, &session) || session != 0)
        return;
    if (msg->type == PROTO_ACK)
        in->done = true;
    else if (msg->type == PROTO_SIGNAL && in->pid > 0 && proto_field(msg, 1, &signo))
        kill(in->pid, (int)signo);
}

/* Entry is gone, and nobody else knows of this VM. */
static void on_lost(struct peer *p, const char *why)
{
    (void)why;
    ((struct init *)p)->done = true;
}

static void run(int control, char *const *command, char *const *env, const struct err *failed)
{
    static struct init in = {.pid = -1};
    for (int i = 0; i < 3; i++)
        in.stream[i].pipe = in.stream[i].host = -1;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    in.signals = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, on_signal};
    in.loop = loop_new();
    if (!in.loop || in.signals.fd < 0 || loop_add(in.loop, &in.signals) < 0)
        return;
    peer_init(&in.control, in.loop, on_message, on_lost);
    if (peer_connect(&in.control, control) < 0)
        return;
    if (failed)
        tell_end(&in, PROTO_FAILED, 125, failed->text);
    else
        start(&in, command, env);
    loop_run(in.loop, &in.done);
}

void serve(int control, char *const *command, char *const *env)
{
    run(control, command, env, NULL);
}

void serve_failure(int control, const struct err *err)
{
    run(control, NULL, NULL, err);
}
