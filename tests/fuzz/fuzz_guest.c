/* libFuzzer target: the guest's end.  The settings are parsed (a first byte of 4), or the whole of serve runs, with
 * entry's messages, the far ends of the streams, and the commands (which are none: their descriptors are kept) played
 * from the input.
 *
 *   make build/fuzz/fuzz_guest && build/fuzz/fuzz_guest -close_fd_mask=3 -max_total_time=60 build/fuzz/guest.corpus */
#include "guest-init/copy.h"
#include "guest-init/host.h"
#include "guest-init/limits.h"
#include "guest-init/members.h"
#include "guest-init/oom.h"
#include "guest-init/serve.h"
#include "guest-init/settings.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS = 8, STREAMS = 24, FIRST_PID = 1000000 };

static struct {
    int control;
    int stdio[COMMANDS][3];
    int stream[STREAMS]; /* the host's ends, the newest last */
    unsigned commands, streams;
    int ended; /* the command that waitpid is to tell of; -1: none */
    uint8_t status;
} world;

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- what the guest's init calls instead of the system --------------------------------------------------- */

int host_connect(enum proto_kind kind, uint32_t session, struct err *err)
{
    (void)kind, (void)session;
    int pair[2];
    if (sim_byte() % 32 == 31 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(err, "cannot reach the host");
    int *slot = &world.stream[world.streams++ % STREAMS];
    close_end(slot);
    *slot = pair[1];
    return pair[0];
}

int command_mounts(pid_t pid)
{
    (void)pid;
    return -1;
}

int command_pid1_status(int status)
{
    return status;
}

int copy_main(char *const *argv)
{
    (void)argv;
    return 0;
}

pid_t command_start(const struct command *c, const int stdio[3], uint32_t *code, struct err *err)
{
    *code = 127;
    size_t bytes = strlen(c->user) + strlen(c->directory);
    for (char *const *arg = c->argv; *arg; arg++)
        bytes += strlen(*arg);
    for (char *const *variable = c->env; *variable; variable++)
        bytes += strlen(*variable);
    if (bytes % 16 == 15)
        return err_set(err, "cannot run '%s'", c->argv[0]);
    unsigned n = world.commands++;
    for (int i = 0; i < 3; i++) {
        close_end(&world.stdio[n % COMMANDS][i]);
        int fd = world.stdio[n % COMMANDS][i] = dup(stdio[i]);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* a terminal that ^S has stopped would hold us up */
    }
    return FIRST_PID + (pid_t)n;
}

void limits_own(void)
{
}

bool oom_killed(pid_t pid)
{
    return pid % 2;
}

unsigned members_signal(pid_t sid, uint64_t before, int signo)
{
    if (sid < FIRST_PID || before == 0)
        abort();
    return signo ? 0 : (unsigned)sid % 3;
}

unsigned members_signal_all(bool (*spared)(pid_t pid), int signo)
{
    (void)spared, (void)signo;
    return 0;
}

int adjtimex(struct timex *t)
{
    if (t->modes != 0 && (t->modes != ADJ_OFFSET_SINGLESHOT || labs(t->offset) > 20000))
        abort();
    t->status = t->modes ? 0 : sim_byte() % 2 ? STA_UNSYNC : 0;
    return 0;
}

int clock_settime(clockid_t clock, const struct timespec *t)
{
    if (clock != CLOCK_REALTIME || t->tv_nsec < 0 || t->tv_nsec >= 1000000000 || t->tv_sec < 0)
        abort();
    return 0;
}

/* libFuzzer has signals of its own. */
int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)how, (void)set;
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGCHLD);
    sigaddset(&some, SIGUSR1);
    return pthread_sigmask(SIG_BLOCK, &some, old);
}

int kill(pid_t pid, int signo)
{
    (void)signo; /* out of range it is the kernel's to refuse */
    if (pid != -1 && pid > -FIRST_PID && pid < FIRST_PID)
        abort(); /* init signals its commands and, at its end, all; nobody else */
    errno = ESRCH;
    return -1;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    (void)options;
    int ended = world.ended;
    world.ended = -1;
    errno = ECHILD;
    if (pid != -1 || ended < 0 || !status)
        return -1;
    *status = world.status % 2 ? world.status >> 1 : (world.status >> 1) << 8; /* a signal, or an exit code */
    return FIRST_PID + ended;
}

/* --- entry ------------------------------------------------------------------------------------------------ */

static void send_exec(uint8_t session)
{
    uint8_t flags = sim_byte(), argc = sim_byte() % 4, envc = sim_byte() % 4;
    uint32_t fields[] = {session, flags, 24, 80, argc, envc};
    size_t len;
    const uint8_t *bytes = sim_bytes(&len);
    struct buf out = {0};
    proto_put(&out, PROTO_EXEC, fields, 6, bytes, len);
    sim_write(world.control, out.data, out.len);
    buf_free(&out);
}

static void end_command(uint8_t which)
{
    if (world.commands == 0)
        return;
    unsigned n = which % world.commands;
    world.ended = (int)n;
    world.status = sim_byte();
    if (which % 16 == 15)
        raise(SIGUSR1); /* somebody in the guest signals process 1 */
    for (int i = 0; i < 3 && world.status % 3; i++)
        close_end(&world.stdio[n % COMMANDS][i]);
    raise(SIGCHLD);
}

bool sim_step(void)
{
    if (!sim_more())
        return false;
    uint8_t step = sim_byte(), which = sim_byte();
    int *stream = &world.stream[which % STREAMS], *stdio = world.stdio[which % COMMANDS];
    size_t len;
    const uint8_t *bytes;
    switch (step % 11) {
    case 0:
        bytes = sim_bytes(&len);
        sim_write(world.control, bytes, len);
        break;
    case 1:
        sim_message(world.control, which, sim_byte() % 4);
        break;
    case 2:
        send_exec(which % 4);
        break;
    case 3:
        end_command(which);
        break;
    case 4:
        bytes = sim_bytes(&len);
        (void)!write(stdio[1 + len % 2], bytes, len);
        break;
    case 5:
        close_end(&stdio[sim_byte() % 3]);
        break;
    case 6:
        sim_drain(*stream);
        break;
    case 7:
        bytes = sim_bytes(&len);
        sim_write(*stream, bytes, len);
        break;
    case 8:
        close_end(stream);
        break;
    case 9:
        sim_drain(world.control);
        break;
    default:
        sim_flood(*stream);
    }
    return true;
}

void sim_end(void)
{
    close_end(&world.control);
}

/* What the arrays have, in their order, is all of the payload. */
static void check_settings(const uint8_t *data, size_t len)
{
    size_t at = 12, count = 0;
    char *text = malloc(len + 1);
    struct settings s;
    struct err err = {0};
    memcpy(text, data, len);
    int r = settings_parse(text, len, &s, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    if (r == 0) {
        CHECK(s.command[0] && s.time >= 0);
        char **next[] = {s.list, s.command, s.environment};
        static const size_t skipped[] = {0, sizeof("argument=") - 1, sizeof("variable=") - 1};
        for (; at < len; at += strlen(text + at) + 1, count++) {
            size_t which = 0;
            while (which < 3 && *next[which] != text + at + skipped[which])
                which++;
            CHECK(which < 3);
            next[which]++;
        }
        CHECK(at == len && count > 0 && !*next[0] && !*next[1] && !*next[2]);
    }
    settings_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *argv[] = {"command", NULL}, *env[] = {"A=b", "PATH=/bin", NULL};
    int pair[2];
    sim_begin(data, size);
    uint8_t flags = sim_byte();
    if (flags == 4) {
        check_settings(data + 1, size - 1);
        return 0;
    }
    memset(&world, -1, sizeof(world));
    world.commands = world.streams = 0;
    signal(SIGPIPE, SIG_IGN);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        abort();
    world.control = pair[1];
    struct serve_plan plan = {.command = {argv, env, "", "/", flags & 1, -1}, .busybox = flags & 2 ? STDIN_FILENO : -1};
    serve(pair[0], &plan);
    sim_end();
    for (int i = 0; i < COMMANDS; i++)
        for (int k = 0; k < 3; k++)
            close_end(&world.stdio[i][k]);
    for (int i = 0; i < STREAMS; i++)
        close_end(&world.stream[i]);
    return 0;
}
