/* share, the server of one shared folder:
 *
 *   share serve FOLDER-FD CHANNEL-FD NAME [ro] [suid]
 *
 * Both are numbers of open descriptors.  CHANNEL-FD is a socket that brings connections from the guest, as a byte with
 * a descriptor each.  NAME is for messages.
 *
 * This process serves nothing itself: it reads nothing of what a guest sends, so no guest can end it.  For each
 * SHARE_CONNECTIONS connections it starts a child that serves these, and the guest gets the next child by connecting
 * again.  It ends with the channel, once its child has: entry bounds how many connections a guest gets
 * (entry/life/shares.h), and a second passes between two children.
 *
 * Exit: 0, or 125 with one line on stderr. */
#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/num.h"
#include "common/passfd.h"
#include "common/process.h"
#include "share/rights.h"
#include "share/serve.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int parse_fd(const char *text)
{
    uint64_t fd;
    return num_parse(text, 3, 1 << 20, &fd) < 0 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : (int)fd;
}

static void close_all(int connections[SHARE_CONNECTIONS])
{
    for (int i = 0; i < SHARE_CONNECTIONS; i++)
        close(connections[i]);
}

/* A guest that was interrupted while it connected has closed the first of these. */
static bool has_ended(int connection)
{
    struct pollfd end = {.fd = connection, .events = POLLRDHUP};
    return poll(&end, 1, 0) > 0;
}

/* -1: the channel has ended. */
static int receive_all(int channel, int connections[SHARE_CONNECTIONS])
{
    int have = 0;
    while (have < SHARE_CONNECTIONS) {
        int fd = passfd_receive(channel);
        if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
            return -1;
        connections[have++] = fd;
        for (int i = 0; have == SHARE_CONNECTIONS && i < have;)
            if (has_ended(connections[i])) {
                close(connections[i]);
                connections[i] = connections[--have];
            } else {
                i++;
            }
    }
    return 0;
}

/* The child. */
static int serve(int folder, const int connections[SHARE_CONNECTIONS], const struct share_options *options)
{
    struct err err = {0};
    prctl(PR_SET_NAME, "share");
    struct share *s = share_new(folder, options, &err);
    if (s && share_serve(s, connections, &err) == 0)
        return 0;
    log_error("%s", err.text);
    return EXIT_OURS;
}

/* The guest's own end of the connections is no failure. */
static void tell(const char *name, int status)
{
    char how[32] = "failed";
    if (WIFSIGNALED(status))
        snprintf(how, sizeof(how), "was killed by signal %d", WTERMSIG(status));
    if (status)
        log_error("the server of the share %s %s: the guest gets another, but loses the files that it has open there",
                  name, how);
    else
        log_debug("the guest has left the share %s", name);
}

static void wait_a_second(int channel)
{
    struct pollfd end = {.fd = channel, .events = POLLRDHUP};
    poll(&end, 1, 1000);
}

static int keep(int folder, int channel, const char *name, struct share_options *options, struct err *err)
{
    int connections[SHARE_CONNECTIONS], status;
    for (; receive_all(channel, connections) == 0; options->era++) {
        pid_t keeper = getpid(), pid = fork();
        if (pid == 0) {
            process_end_with(keeper);
            close(channel);
            _exit(serve(folder, connections, options));
        }
        close_all(connections);
        if (pid < 0)
            return err_sys(err, "cannot start the server of the share %s", name);
        if (process_wait(pid, &status) < 0)
            return err_sys(err, "cannot wait for the server of the share %s", name);
        tell(name, status);
        wait_a_second(channel);
    }
    return 0;
}

/* No program is ever to inherit the capabilities.  Nor may the child, which has the same user, but a system call
 * filter, reach this process by /proc (PR_SET_DUMPABLE). */
static int confine(const struct share_options *options, struct err *err)
{
    prctl(PR_SET_NAME, "share-keeper");
    return privilege_keep(share_rights(options->readonly)) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0
               ? err_sys(err, "cannot give up capabilities")
               : 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    log_init("ctr-jailer");
    int level = log_level_parse(getenv("VM_LOG_LEVEL") ? getenv("VM_LOG_LEVEL") : "");
    if (level >= 0)
        log_set_level((enum log_level)level);
    int folder = argc < 4 || strcmp(argv[1], "serve") != 0 ? -1 : parse_fd(argv[2]);
    int channel = folder < 0 ? -1 : parse_fd(argv[3]);
    if (channel < 0 || argc < 5) {
        log_error("usage: share serve FOLDER-FD CHANNEL-FD NAME [ro] [suid]");
        return EXIT_OURS;
    }
    struct share_options options = {.confined = true};
    for (char **word = argv + 5; *word; word++) {
        options.readonly |= strcmp(*word, "ro") == 0;
        options.suid |= strcmp(*word, "suid") == 0;
    }
    signal(SIGPIPE, SIG_IGN);
    int r = confine(&options, &err);
    if (r == 0)
        r = keep(folder, channel, argv[4], &options, &err);
    if (r < 0)
        log_error("%s", err.text);
    return r < 0 ? EXIT_OURS : 0;
}
