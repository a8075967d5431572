/* share, the server of one shared folder:
 *
 *   share serve FOLDER-FD CHANNEL-FD [ro] [suid]
 *
 * Both are numbers of open descriptors.  CHANNEL-FD is a socket that brings SHARE_CONNECTIONS connections from the
 * guest, as a byte with a descriptor each, and then ends.  The process ends when the guest unmounts the share, or ends.
 *
 * Exit: 0, or 125 with one line on stderr. */
#include "common/cleanup.h"
#include "common/log.h"
#include "common/num.h"
#include "common/passfd.h"
#include "share/rights.h"
#include "share/serve.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

enum { EXIT_FAILED = 125 };

static int parse_fd(const char *text)
{
    uint64_t fd;
    return num_parse(text, 3, 1 << 20, &fd) < 0 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : (int)fd;
}

static int receive_all(int channel, int connections[SHARE_CONNECTIONS])
{
    for (int i = 0; i < SHARE_CONNECTIONS; i++)
        if ((connections[i] = passfd_receive(channel)) < 0 || fcntl(connections[i], F_SETFL, 0) < 0)
            return -1;
    return 0;
}

static int serve(int folder, int channel, char **words, struct err *err)
{
    struct share_options options = {.confined = true};
    int connections[SHARE_CONNECTIONS];
    for (; *words; words++) {
        options.readonly |= strcmp(*words, "ro") == 0;
        options.suid |= strcmp(*words, "suid") == 0;
    }
    /* No program is ever to inherit them. */
    if (privilege_keep(share_rights(options.readonly)) < 0)
        return err_sys(err, "cannot give up capabilities");
    struct share *s = share_new(folder, &options, err);
    if (!s)
        return -1;
    if (receive_all(channel, connections) < 0)
        return 0; /* the VM has ended before its command began */
    close(channel);
    return share_serve(s, connections, err);
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
    if (channel < 0) {
        log_error("usage: share serve FOLDER-FD CHANNEL-FD [ro] [suid]");
        return EXIT_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    int r = serve(folder, channel, argv + 4, &err);
    if (r < 0)
        log_error("%s", err.text);
    return r < 0 ? EXIT_FAILED : 0;
}
