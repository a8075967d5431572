/* A share on this machine's own kernel, without a VM: the guest's relay and the host's server, joined by socket pairs
 * instead of vsock.
 *
 *   standin SERVER FOLDER MOUNTPOINT [ro] [suid]
 *
 * Mounts, runs SERVER as a user of its own with the capabilities that entry gives it, prints its process id,
 * and relays until one of them ends. */
#include "common/cleanup.h"
#include "common/passfd.h"
#include "common/privilege.h"
#include "common/process.h"
#include "guest-init/relay.h"
#include "share/rights.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { FOLDER = 3, CHANNEL = 4 };

static void die(const char *what)
{
    perror(what);
    _exit(1);
}

static pid_t start(char **argv, int folder, int channel, uid_t uid)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    char *args[16] = {argv[1], "serve", "3", "4"};
    for (int i = 4, n = 4; argv[i] && n < 15; i++)
        args[n++] = argv[i];
    int f = fcntl(folder, F_DUPFD, 10), c = fcntl(channel, F_DUPFD, 10);
    if (dup2(f, FOLDER) < 0 || dup2(c, CHANNEL) < 0 || close_range(5, ~0U, 0) < 0)
        die("descriptors");
    bool readonly = argv[4] && strcmp(argv[4], "ro") == 0;
    if (privilege_drop_for_program(uid, share_rights(readonly)) < 0)
        die("privileges");
    execv(argv[1], args);
    die(argv[1]);
    return -1;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct relay r = RELAY_NONE;
    struct stat st;
    int channel[2];
    if (argc < 4 || stat(argv[2], &st) < 0)
        return 2;
    int folder = open(argv[2], O_PATH | O_CLOEXEC);
    if (folder < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
        die(argv[2]);
    pid_t pid = start(argv, folder, channel[0], 4200000001U);
    close(channel[0]);
    close(folder);
    for (int i = 0; i < RELAY_WAYS; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || passfd_send(channel[1], pair[1]) < 0)
            die("connections");
        close(pair[1]);
        r.connection[i] = pair[0];
    }
    close(channel[1]);
    bool readonly = argv[4] && strcmp(argv[4], "ro") == 0;
    if (relay_mount(&r, argv[3], S_ISREG(st.st_mode), readonly ? MS_RDONLY : 0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%d\n", (int)pid);
    fflush(stdout);
    relay_run(&r);
    return 0;
}
