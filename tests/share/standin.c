/* A share on this machine's own kernel, without a VM: the guest's relay, and the host's server.
 *
 *   standin SERVER FOLDER MOUNTPOINT [ro] [suid]
 *   standin guest SOCKET KEY:KIND: MOUNTPOINT
 *
 * The first runs SERVER as a user of its own with the capabilities that entry gives it, joined by socket pairs instead
 * of vsock, and prints its process id.  The second is a guest's init to an entry that listens at SOCKET: it connects
 * for the share with that key.  Both mount, and relay until that is unmounted. */
#include "common/cleanup.h"
#include "common/passfd.h"
#include "common/privilege.h"
#include "common/proto.h"
#include "guest-init/host.h"
#include "guest-init/relay.h"
#include "guest-init/shares.h"
#include "share/rights.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
    char *args[16] = {argv[1], "serve", "3", "4", argv[2]};
    for (int i = 4, n = 5; argv[i] && n < 15; i++)
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

/* Of struct relay: arg is the server's channel. */
static int connect_all(void *arg, int connection[RELAY_WAYS], struct err *err)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            return err_sys(err, "socketpair");
        connection[i] = pair[0];
        int sent = passfd_send(*(int *)arg, pair[1]);
        close(pair[1]);
        if (sent < 0)
            return err_sys(err, "the server takes no connection");
    }
    return 0;
}

static int mount_and_relay(struct relay *r, const char *target, bool file, bool readonly, pid_t server)
{
    struct err err = {0};
    if (relay_mount(r, target, file, readonly ? MS_RDONLY : 0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%d\n", (int)server);
    fflush(stdout);
    relay_run(r);
    return 0;
}

/* guest-init/host.h, with a UNIX socket for vsock. */
static struct sockaddr_un entry = {.sun_family = AF_UNIX};
int host_connect(enum proto_kind kind, uint32_t session, struct err *err)
{
    uint8_t hello[PROTO_HELLO];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proto_hello(hello, kind, session);
    if (connect(fd, (struct sockaddr *)&entry, sizeof(entry)) < 0 || write(fd, hello, sizeof(hello)) != sizeof(hello))
        return err_sys(err, "cannot connect to %s", entry.sun_path);
    return fd;
}

/* Mounts; then ends with the relay, which is its child. */
static int guest(char **argv)
{
    struct err err = {0};
    signal(SIGPIPE, SIG_IGN);
    snprintf(entry.sun_path, sizeof(entry.sun_path), "%s", argv[2]);
    if (shares_mount(argv[3], argv[4], false, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    else
        printf("mounted\n");
    fflush(stdout);
    while (wait(NULL) > 0)
        ;
    return err.text[0] != 0;
}

int main(int argc, char **argv)
{
    struct relay r = RELAY_NONE;
    struct err err = {0};
    struct stat st;
    int channel[2];
    if (argc >= 5 && strcmp(argv[1], "guest") == 0)
        return guest(argv);
    if (argc < 4 || stat(argv[2], &st) < 0)
        return 2;
    int folder = open(argv[2], O_PATH | O_CLOEXEC);
    if (folder < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
        die(argv[2]);
    pid_t pid = start(argv, folder, channel[0], 4200000001U);
    close(channel[0]);
    close(folder);
    signal(SIGPIPE, SIG_IGN);
    r.connect = connect_all;
    r.arg = &channel[1];
    if (connect_all(r.arg, r.connection, &err) < 0)
        die(err.text);
    return mount_and_relay(&r, argv[3], S_ISREG(st.st_mode), argv[4] && strcmp(argv[4], "ro") == 0, pid);
}
