#include "guest-init/session.h"

#include "common/cleanup.h"
#include "common/container.h"
#include "common/exitcode.h"
#include "common/units.h"
#include "guest-init/host.h"
#include "guest-init/members.h"
#include "guest-init/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

/* How long a command that has lost its client may take to end after SIGHUP. */
#define HANGUP_GRACE (5 * SECOND)

static const enum proto_kind kinds[] = {PROTO_STDIN, PROTO_STDOUT, PROTO_STDERR};

static void close_stream(struct session_stream *st)
{
    pump_stop(&st->pump);
    loop_remove(st->session->loop, &st->closed);
    if (st->local >= 0)
        close(steal_fd(&st->local));
    if (st->host >= 0)
        close(steal_fd(&st->host));
}

/* Entry never writes on an output's connection. */
static void host_closed(struct watch *w, short revents)
{
    (void)revents;
    close_stream(container_of(w, struct session_stream, closed));
}

/* The command sends nothing more: tells entry the number of bytes; entry then closes the connection. */
static void complete(struct session_stream *st)
{
    struct session *s = st->session;
    if (st->local < 0)
        return;
    pump_stop(&st->pump);
    close(steal_fd(&st->local));
    s->output(s, kinds[st - s->stream], st->pump.total - st->pump.len);
    st->closed = (struct watch){.fd = st->host, .events = POLLIN, .ready = host_closed};
    if (loop_add(s->loop, &st->closed) < 0)
        close_stream(st);
}

/* With a terminal, the end of a connection means that nobody is there any more: closing our side hangs it
 * up. */
static void stream_ended(struct pump *p)
{
    struct session_stream *st = (struct session_stream *)p;
    struct session *s = st->session;
    if (st == &s->stream[0])
        close_stream(st);
    else
        complete(st);
    if (s->terminal >= 0) {
        close_stream(&s->stream[0]);
        if (!s->ended)
            complete(&s->stream[1]);
        close(steal_fd(&s->terminal));
    }
}

/* Joins local, our end, which it takes over, to a new connection for the stream. */
static int join(struct session *s, int number, int local, struct err *err)
{
    struct session_stream *st = &s->stream[number];
    st->local = local;
    fcntl(local, F_SETFL, fcntl(local, F_GETFL) | O_NONBLOCK); /* a pipe's two ends have flags of their own */
    st->host = host_connect(kinds[number], s->id, err);
    if (st->host < 0)
        return -1;
    int from = number == 0 ? st->host : local, to = number == 0 ? local : st->host;
    return pump_start(&st->pump, s->loop, from, to, 0, stream_ended) < 0 ? err_set(err, "out of memory") : 0;
}

/* stdio[] becomes the command's ends. */
static int open_pipes(struct session *s, bool stdin_wanted, int stdio[3], struct err *err)
{
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (i == 0 && !stdin_wanted) {
            stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
            continue;
        }
        if (pipe2(ends, O_CLOEXEC) < 0)
            return err_sys(err, "cannot create a pipe");
        stdio[i] = ends[i == 0 ? 0 : 1];
        if (join(s, i, ends[i == 0 ? 1 : 0], err) < 0)
            return -1;
    }
    return 0;
}

static int open_terminal(struct session *s, bool stdin_wanted, int stdio[3], struct err *err)
{
    int unlocked = 0;
    s->terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->terminal < 0 || ioctl(s->terminal, TIOCSPTLCK, &unlocked) < 0)
        return err_sys(err, "cannot create a terminal");
    for (int i = 0; i < 3; i++)
        if ((stdio[i] = ioctl(s->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
            return err_sys(err, "cannot create a terminal");
    for (int i = stdin_wanted ? 0 : 1; i < 2; i++) {
        int local = fcntl(s->terminal, F_DUPFD_CLOEXEC, 3);
        if (local < 0)
            return err_sys(err, "cannot create a terminal");
        if (join(s, i, local, err) < 0)
            return -1;
    }
    return 0;
}

int session_start(struct session *s, uint32_t id, struct loop *loop, const struct command *c, bool stdin_wanted,
                  session_output *output, uint32_t *code, struct err *err)
{
    *s = (struct session){.id = id, .pid = -1, .alone = c->pid1, .terminal = -1, .loop = loop, .output = output};
    for (int i = 0; i < 3; i++)
        s->stream[i] = (struct session_stream){.session = s, .local = -1, .host = -1};
    int stdio[3] = {-1, -1, -1};
    int r = c->tty ? open_terminal(s, stdin_wanted, stdio, err) : open_pipes(s, stdin_wanted, stdio, err);
    *code = EXIT_OURS;
    if (r == 0)
        s->pid = s->leader = command_start(c, stdio, code, err);
    for (int i = 0; i < 3; i++)
        if (stdio[i] >= 0)
            close(stdio[i]);
    return s->pid > 0 ? 0 : -1;
}

/* A shell passes on how its child ended, so the kernel may have killed the child. */
static bool was_starved(const struct session *s, int status)
{
    return s->code == 128 + SIGKILL && oom_killed(WIFSIGNALED(status) ? s->pid : 0);
}

void session_ended(struct session *s, int status)
{
    s->ended = true;
    s->code = (uint32_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    s->starved = was_starved(s, status);
    s->pid = -1;
    close_stream(&s->stream[0]);
    for (int i = 1; i < 3; i++)
        pump_drain(&s->stream[i].pump);
    s->dying = s->dying && members_signal(s->leader, s->hung_up, 0) > 0;
    if (!s->dying)
        loop_timer(s->loop, &s->grace, UINT64_MAX);
}

bool session_over(const struct session *s)
{
    return s->pid < 0 && !s->dying && s->stream[0].host < 0 && s->stream[1].host < 0 && s->stream[2].host < 0;
}

/* Signals the whole process group: otherwise, a shell that waits for its child would keep the signal to itself. */
void session_signal(const struct session *s, int signo)
{
    if (s->pid > 0 && (s->alone || (kill(-s->pid, signo) < 0 && errno == ESRCH)))
        kill(s->pid, signo);
}

void session_resize(const struct session *s, uint32_t rows, uint32_t columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    if (s->terminal >= 0)
        ioctl(s->terminal, TIOCSWINSZ, &size);
}

/* The leader's own id cannot be another session's while the command has not been reaped. */
static void grace_over(struct timer *t)
{
    struct session *s = container_of(t, struct session, grace);
    s->dying = false;
    session_signal(s, SIGKILL);
    members_signal(s->leader, s->pid > 0 ? UINT64_MAX : s->hung_up, SIGKILL);
}

void session_hangup(struct session *s)
{
    for (int i = 0; i < 3; i++)
        close_stream(&s->stream[i]);
    if (s->terminal >= 0)
        close(steal_fd(&s->terminal));
    if (s->pid < 0 || s->hung_up)
        return;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    s->hung_up = (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
    s->dying = true;
    s->grace.fired = grace_over;
    loop_timer(s->loop, &s->grace, loop_now() + HANGUP_GRACE);
    session_signal(s, SIGHUP);
}

void session_close(struct session *s)
{
    loop_timer(s->loop, &s->grace, UINT64_MAX);
    for (int i = 0; i < 3; i++)
        close_stream(&s->stream[i]);
    if (s->terminal >= 0)
        close(steal_fd(&s->terminal));
}
