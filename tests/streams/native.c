/* native ID COMMAND...: a VM without a VM.  The guest's init (serve and all below it) and entry's end (supervise) are
 * the real ones, as processes of this machine; between them are UNIX sockets instead of vsock, with buffers of random
 * sizes. What ctr-jailer asks of ID, it gets.  init kills all processes at its end: so it has a PID namespace of its
 * own. */
#include "common/cleanup.h"
#include "common/io.h"
#include "common/local.h"
#include "common/process.h"
#include "common/settings.h"
#include "entry/host/rundir.h"
#include "entry/life/supervise.h"
#include "guest-init/host.h"
#include "guest-init/serve.h"
#include "guest-init/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct sockaddr_un channel;
static socklen_t channel_len;

/* In init's place of vsock. */
int host_connect(enum proto_kind kind, uint32_t session, struct err *err)
{
    static const int sizes[] = {4608, 16384, 65536, 212992}; /* from the kernel's least to its default */
    uint8_t hello[PROTO_HELLO], random = 0;
    proto_hello(hello, kind, session);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)!getrandom(&random, 1, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sizes[random % 4], sizeof(int)) < 0 ||
        connect(fd, (struct sockaddr *)&channel, channel_len) < 0 || io_write_all(fd, hello, sizeof(hello)) < 0)
        return err_sys(err, "cannot reach the host");
    return steal_fd(&fd);
}

static int listen_for_guest(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    channel.sun_family = AF_UNIX; /* the kernel chooses a name: unix(7), autobind */
    channel_len = sizeof(channel);
    if (bind(fd, (struct sockaddr *)&channel, sizeof(sa_family_t)) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&channel, &channel_len) < 0)
        abort();
    return fd;
}

/* A guest's init sets its clock, which here is the machine's. */
static void leave_the_clock(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) < 0)
        abort();
    data[0].effective &= ~(1U << CAP_SYS_TIME);
    data[0].permitted &= ~(1U << CAP_SYS_TIME);
    if (syscall(SYS_capset, &header, data) < 0)
        abort();
}

/* A guest has limits of its own. */
static void lift_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        abort();
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void guest(void)
{
    leave_the_clock();
    lift_limit();
    struct err err = {0};
    struct settings settings;
    struct serve_plan plan = {.command = {.user = "", .directory = "/", .program = -1, .mounts = -1}, .busybox = -1};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    int control = host_connect(PROTO_CONTROL, 0, &err);
    if (control < 0 || settings_receive(control, &settings, &err) < 0)
        _exit(1);
    plan.command.argv = settings.command;
    plan.command.env = settings.environment;
    serve(control, &plan);
    _exit(0);
}

/* As a guest's: a container's root would be below it. */
static pid_t start_guest(int keep_from, int *end)
{
    if (unshare(CLONE_NEWPID) < 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        syscall(SYS_close_range, (unsigned)keep_from, ~0U, 0U);
        guest();
    }
    *end = (int)syscall(SYS_pidfd_open, pid, 0);
    return pid;
}

static void tell(struct buf *settings, const char *name, char *const *values)
{
    for (; *values; values++) {
        buf_fmt(settings, "%s=%s", name, *values);
        buf_add(settings, "", 1);
    }
}

/* entry's end, in a process of its own, which supervise confines for ever. */
static int run_entry(char **argv, const struct rundir *run)
{
    sigset_t all;
    int silent[2], jail_end;
    if (pipe2(silent, O_CLOEXEC | O_NONBLOCK) < 0)
        return 2;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &all, NULL);
    struct supervise_plan plan = {.id = argv[1], .stop_timeout = 7, .stop_signal = SIGTERM, .mem_mib = 128};
    struct err err = {0};
    struct supervise_fds fds = {.listener = listen_for_guest(), .control = local_listen(run->path), .report = -1};
    if (fds.control < 0) {
        perror(argv[1]);
        return 2;
    }
    start_guest(3, &jail_end);
    fds.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    fds.console = fds.log = fds.metrics = silent[0];
    fds.jail_end = jail_end;
    static const struct net_ports no_ports;
    const struct status_facts facts = {.ports = &no_ports, .restarts = -1};
    enum status_reason reason;
    struct buf settings = {0};
    tell(&settings, SETTING_ARGUMENT, argv + 2);
    tell(&settings, SETTING_VARIABLE, environ);
    int code = supervise(&plan, vmm_open(-1, "none", jail_end), &fds, &facts, &settings, &reason, &err);
    if (code < 0)
        fprintf(stderr, "native: %s\n", err.text);
    return code < 0 ? 125 : code;
}

/* A signal for entry's end goes there. */
static volatile pid_t entry;
static void pass_on(int signo)
{
    kill(entry, signo);
}

int main(int argc, char **argv)
{
    struct rundir run = RUNDIR_NONE;
    struct err err = {0};
    int status;
    pid_t self = getpid();
    if (argc < 3)
        return 2;
    if (rundir_make(&run, LOCAL_DIR, argv[1], &err) < 0) {
        fprintf(stderr, "native: %s\n", err.text);
        return 2;
    }
    entry = fork();
    if (entry == 0) {
        process_end_with(self);
        syscall(SYS_exit_group, run_entry(argv, &run)); /* not exit, whose sanitizers open files */
    }
    signal(SIGTERM, pass_on);
    signal(SIGINT, pass_on);
    while (waitpid(entry, &status, 0) < 0 && errno == EINTR)
        ;
    rundir_remove(&run);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
