/* exec: asks entry for a session, and joins this process's streams to the guest's connections, whose
 * descriptors entry hands over.  It behaves as the command would, signals included. */
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/container.h"
#include "common/exitcode.h"
#include "common/io.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/process.h"
#include "common/signals.h"
#include "common/streams.h"
#include "common/terminal.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

struct exec {
    struct peer peer; /* first: a peer is its exec */
    struct watch signals;
    struct streams *streams;
    struct say say[2]; /* of stdout and stderr, where they are not passed on as they are */
    const struct ctl_session *plan;
    struct err *err;
    bool exited, ran, done;
    int code;
};

static void check_end(void *arg)
{
    struct exec *e = arg;
    e->done = e->exited && (!e->ran || streams_drained(e->streams));
}

static void command_failed(const struct proto_msg *msg)
{
    size_t len;
    const uint8_t *text = proto_data(msg, 2, &len);
    terminal_restore();
    log_error("%.*s", (int)(len > 512 ? 512 : len), text ? (const char *)text : "");
}

static void on_message(struct peer *p, const struct proto_msg *msg)
{
    struct exec *e = (struct exec *)p;
    uint32_t value = 0;
    if (msg->type == PROTO_STREAM && proto_field(msg, 0, &value) && value < PROTO_KINDS && p->received >= 0) {
        streams_join(e->streams, (enum proto_kind)value, steal_fd(&p->received));
    } else if (msg->type == PROTO_STARTED) {
        e->ran = true;
    } else if (msg->type == PROTO_END) {
        streams_end(e->streams, msg);
    } else if ((msg->type == PROTO_EXITED || msg->type == PROTO_FAILED) && proto_field(msg, 1, &value)) {
        e->exited = true;
        e->code = (int)(value & 0xff);
        if (msg->type == PROTO_FAILED)
            command_failed(msg);
        else if (proto_field(msg, 2, &value) && value == PROTO_STARVED)
            log_error("the guest's kernel killed the command: out of memory");
    }
    check_end(e);
}

static void on_lost(struct peer *p, int how)
{
    struct exec *e = (struct exec *)p;
    if (!e->exited) {
        e->code = err_set(e->err, "the VM has ended, or does not serve this user, or serves too many clients (%s)",
                          peer_why(how));
        e->exited = true;
    }
    e->ran = false; /* streams that have not arrived by now will not arrive */
    check_end(e);
}

static void on_signal(struct watch *w, short revents)
{
    (void)revents;
    struct exec *e = container_of(w, struct exec, signals);
    struct signalfd_siginfo info;
    uint32_t fields[3] = {0};
    if (read(w->fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGWINCH) {
        terminal_size(&fields[1], &fields[2]);
        if (e->plan->flags & PROTO_EXEC_TTY)
            peer_send(&e->peer, PROTO_WINSIZE, fields, 3, NULL, 0);
        return;
    }
    if (e->exited && signals_end((int)info.ssi_signo))
        e->done = true; /* does not wait for the rest of its output */
    fields[1] = info.ssi_signo;
    peer_send(&e->peer, PROTO_SIGNAL, fields, 2, NULL, 0);
}

static void send_request(struct exec *e)
{
    const struct ctl_session *plan = e->plan;
    cleanup_buf struct buf data = {0};
    uint32_t fields[6] = {0, plan->flags};
    if (plan->flags & PROTO_EXEC_TTY)
        terminal_size(&fields[2], &fields[3]);
    buf_add(&data, plan->user, strlen(plan->user) + 1);
    buf_add(&data, plan->directory, strlen(plan->directory) + 1);
    for (const char *const *arg = plan->argv; *arg; arg++, fields[4]++)
        buf_add(&data, *arg, strlen(*arg) + 1);
    fields[5] = plan->env_count;
    buf_add(&data, plan->env.data, plan->env.len);
    if (buf_failed(&data) || data.len + sizeof(fields) > PROTO_MAX) {
        e->code = err_set(e->err, "exec: the arguments and variables exceed %d bytes", PROTO_MAX);
        e->done = true;
        return;
    }
    peer_send(&e->peer, PROTO_EXEC, fields, 6, data.data, data.len);
}

static int add_variable(struct ctl_session *plan, const char *variable, struct err *err)
{
    if (!strchr(variable, '='))
        return err_set(err, "exec: -e %s: must be NAME=VALUE", variable);
    buf_add(&plan->env, variable, strlen(variable) + 1);
    plan->env_count++;
    return 0;
}

static int parse(char **argv, struct ctl_session *plan, struct err *err)
{
    static const struct option long_options[] = {{"busybox", no_argument, NULL, 'b'}, {0}};
    int argc = 0, c;
    while (argv[argc])
        argc++;
    while ((c = getopt_long(argc, argv, "+itu:w:e:", long_options, NULL)) != -1) {
        if (c == 'i')
            plan->flags |= PROTO_EXEC_STDIN;
        else if (c == 't')
            plan->flags |= PROTO_EXEC_TTY;
        else if (c == 'b')
            plan->flags |= PROTO_EXEC_BUSYBOX;
        else if (c == 'u')
            plan->user = optarg;
        else if (c == 'w')
            plan->directory = optarg;
        else if (c != 'e')
            return err_set(err, "exec: see ctr-jailer exec --help");
        else if (add_variable(plan, optarg, err) < 0)
            return -1;
    }
    plan->argv = (const char *const *)argv + optind;
    if (!*plan->argv)
        return err_set(err, "exec: no command");
    if ((plan->flags & PROTO_EXEC_TTY) && !terminal_present())
        return err_set(err, "exec: -t needs a terminal on stdin and stdout");
    return 0;
}

/* All signals go to the command, except those of this shell's own job control. */
static int catch_signals(void)
{
    static const int kept[] = {SIGCHLD, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
        sigdelset(&all, kept[i]);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The destination of the outputs. init's own parts write messages to stderr, and an archive or nothing to stdout.  -1
 * with errno. */
static int direct(struct exec *e, struct loop *loop)
{
    static const enum proto_kind kinds[] = {PROTO_STDOUT, PROTO_STDERR};
    bool copy = e->plan->flags & PROTO_EXEC_COPY, shown = e->plan->output == CTL_SHOWN;
    for (int i = 0; i < 2; i++) {
        bool said = copy && kinds[i] == PROTO_STDERR;
        int fd = STDOUT_FILENO + i;
        if (!said && !(shown && isatty(fd)))
            continue;
        if (say_start(&e->say[i], loop, said ? -1 : fd) < 0)
            return -1;
        streams_redirect(e->streams, kinds[i], e->say[i].input);
    }
    if (e->plan->output == CTL_NO_STDOUT) {
        cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0)
            return -1;
        streams_redirect(e->streams, PROTO_STDOUT, null);
    }
    return 0;
}

static int set_up(struct exec *e, struct loop *loop, int fd)
{
    const struct ctl_session *plan = e->plan;
    e->streams =
        loop ? streams_new(loop, plan->flags & PROTO_EXEC_STDIN, plan->flags & PROTO_EXEC_TTY, check_end, e) : NULL;
    e->signals = (struct watch){.fd = catch_signals(), .events = POLLIN, .ready = on_signal};
    peer_init(&e->peer, loop, on_message, on_lost);
    if (e->streams && direct(e, loop) < 0)
        return err_sys(e->err, "cannot create a pipe");
    if (!e->streams || e->signals.fd < 0 || loop_add(loop, &e->signals) < 0 || peer_connect(&e->peer, fd) < 0)
        return err_set(e->err, "out of memory");
    return confine_client(e->err);
}

int ctl_run(const char *id, const struct ctl_session *plan, struct err *err)
{
    int fd = ctl_connect(id, err);
    if (fd < 0)
        return -1;
    struct exec e = {.plan = plan, .err = err};
    struct loop *loop = loop_new();
    if (set_up(&e, loop, fd) < 0)
        return -1;
    if ((plan->flags & PROTO_EXEC_TTY) && (plan->flags & PROTO_EXEC_STDIN))
        terminal_raw(); /* without -i nobody reads the terminal: Ctrl-C stays its own */
    send_request(&e);
    loop_run(loop, &e.done);
    terminal_restore();
    streams_free(e.streams);
    for (int i = 0; i < 2; i++)
        say_end(&e.say[i]);
    peer_free(&e.peer);
    loop_free(loop);
    return e.code;
}

/* The other process reports through a pipe why it failed. */
int ctl_run_first(const char *id, const struct ctl_session *plan, struct err *err)
{
    int status, ends[2];
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, "cannot create a pipe");
    cleanup_close int in = ends[0], out = ends[1];
    pid_t pid = fork();
    if (pid == 0) {
        struct err why = {0};
        process_end_with(self);
        int code = ctl_run(id, plan, &why);
        (void)io_write_all(out, why.text, code < 0 ? strlen(why.text) : 0);
        _exit(code < 0 ? EXIT_OURS : code);
    }
    close(steal_fd(&out));
    char why[sizeof(err->text)] = "";
    if (pid < 0 || io_read_full(in, why, sizeof(why) - 1) < 0 || process_wait(pid, &status) < 0)
        return err_sys(err, "cannot start a process");
    return why[0] ? err_set(err, "%s", why) : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ctl_exec(const char *id, char **argv, struct err *err)
{
    struct ctl_session plan = {.user = "", .directory = ""};
    int code = parse(argv, &plan, err);
    if (code == 0)
        code = ctl_run(id, &plan, err);
    buf_free(&plan.env);
    return code;
}
