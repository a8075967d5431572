/* libFuzzer target: entry's end.  The whole of supervise runs, with the guest's connections, the local
 * control socket's clients, the console, signals and the clock played from the input.
 *
 *   make build/fuzz/fuzz_host && build/fuzz/fuzz_host -close_fd_mask=3 -max_total_time=60 build/fuzz/host.corpus */
#include "common/local.h"
#include "common/proto.h"
#include "entry/life/supervise.h"
#include "netsetup/takeover.h"
#include "tests/fuzz/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ENDS = 8 };

/* Our ends of everything; -1: closed. */
static struct {
    int guest[ENDS], client[ENDS];
    int console, log, jail, signals, metrics;
    int output;                 /* the reader of entry's stdout */
    struct sockaddr_un address; /* of the guest channel */
    socklen_t address_len;
    char id[32], folder[32];
} world;

/* This VM has taken nothing over, and so is never asked what. */
const struct takeover_card *takeover_cards(const struct takeover *t, size_t *count)
{
    (void)t;
    (void)count;
    abort();
}

const struct card_address *takeover_address(const struct takeover *t, int family)
{
    (void)t;
    (void)family;
    abort();
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void connect_guest(int *fd)
{
    close_end(fd);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(*fd, (struct sockaddr *)&world.address, world.address_len) < 0)
        close_end(fd);
}

static void hello(int fd, uint8_t kind, uint32_t session)
{
    uint8_t bytes[PROTO_HELLO];
    proto_hello(bytes, (enum proto_kind)(kind % PROTO_KINDS), session);
    sim_write(fd, bytes, sizeof(bytes));
}

static void send_signal(uint8_t number)
{
    struct signalfd_siginfo info = {.ssi_signo = number % 64 + 1};
    sim_write(world.signals, &info, sizeof(info));
}

static void drain_output(void)
{
    static char dropped[65536];
    while (read(world.output, dropped, sizeof(dropped)) > 0)
        ;
}

bool sim_step(void)
{
    if (!sim_more())
        return false;
    uint8_t step = sim_byte(), which = sim_byte(), type;
    int *guest = &world.guest[which % ENDS], *client = &world.client[which % ENDS];
    size_t len;
    switch (step % 18) {
    case 0:
        connect_guest(guest);
        break;
    case 1: {
        const uint8_t *bytes = sim_bytes(&len);
        sim_write(*guest, bytes, len);
        break;
    }
    case 2:
        close_end(guest);
        break;
    case 3:
        type = sim_byte();
        hello(*guest, type, sim_byte() % 4);
        break;
    case 4:
        type = sim_byte();
        sim_message(*guest, type % 8, sim_byte() % 4);
        break;
    case 5:
        sim_drain(*guest);
        break;
    case 6:
        close_end(client);
        *client = local_connect(world.folder, NULL);
        break;
    case 7: {
        const uint8_t *bytes = sim_bytes(&len);
        sim_write(*client, bytes, len);
        break;
    }
    case 8:
        close_end(client);
        break;
    case 9:
        sim_message(*client, 64 + sim_byte() % 52, 0);
        break;
    case 10:
        sim_drain(*client);
        break;
    case 11: {
        const uint8_t *bytes = sim_bytes(&len);
        sim_write(world.console, bytes, len);
        break;
    }
    case 12:
        sim_sleep(100 * which);
        break;
    case 13:
        send_signal(which);
        break;
    case 14:
        sim_flood(*guest);
        break;
    case 15:
        drain_output();
        break;
    case 16: {
        const uint8_t *bytes = sim_bytes(&len);
        sim_write(world.log, bytes, len);
        break;
    }
    default: {
        const uint8_t *bytes = sim_bytes(&len);
        (void)!write(world.metrics, bytes, len);
    }
    }
    return true;
}

void sim_end(void)
{
    close_end(&world.jail);
    drain_output();
    for (int i = 0; i < ENDS; i++) {
        close_end(&world.guest[i]);
        close_end(&world.client[i]);
    }
}

static int listen_for_guest(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    world.address = (struct sockaddr_un){.sun_family = AF_UNIX}; /* the kernel chooses a name: unix(7), autobind */
    world.address_len = sizeof(world.address);
    if (bind(fd, (struct sockaddr *)&world.address, sizeof(sa_family_t)) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&world.address, &world.address_len) < 0)
        abort();
    return fd;
}

static int listen_for_clients(void)
{
    char name[sizeof(world.folder) + 8];
    if (!world.folder[0]) {
        strcpy(world.folder, "/tmp/fuzz_host.XXXXXX");
        if (!mkdtemp(world.folder))
            abort();
    }
    snprintf(name, sizeof(name), "%s/control", world.folder);
    unlink(name);
    return local_listen(world.folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int console[2], log[2], metrics[2], jail[2], signals[2], output[2];
    for (int i = 0; i < ENDS; i++)
        world.guest[i] = world.client[i] = -1;
    snprintf(world.id, sizeof(world.id), "fuzz-%d", (int)getpid());
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, console) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, log) < 0 ||
        pipe2(metrics, O_NONBLOCK) < 0 || pipe(jail) < 0 || pipe2(output, O_NONBLOCK) < 0 ||
        dup2(output[1], STDOUT_FILENO) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, signals) < 0)
        abort();
    world.console = console[1];
    world.log = log[1];
    world.jail = jail[1];
    world.metrics = metrics[1];
    world.signals = signals[1];
    world.output = output[0];
    struct supervise_fds fds = {.signals = signals[0],
                                .listener = listen_for_guest(),
                                .control = listen_for_clients(),
                                .console = console[0],
                                .log = log[0],
                                .metrics = metrics[0],
                                .report = -1,
                                .jail_end = jail[0]};
    if (fds.control < 0)
        abort();

    sim_begin(data, size);
    struct supervise_plan plan = {
        .id = world.id, .boot_timeout = sim_byte() % 100, .stop_timeout = 7, .stop_signal = 15};
    struct err err = {0};
    static const struct net_ports no_ports;
    const struct status_facts facts = {.ports = &no_ports, .restarts = -1, .firecracker = STATUS_PROCESS_NONE};
    enum status_reason reason;
    struct vmm *vmm = vmm_open(-1, "none", jail[0]);
    struct buf settings = {0};
    buf_add(&settings, "argument=true", sizeof("argument=true"));
    int code = supervise(&plan, vmm, &fds, &facts, &settings, &reason, &err);
    if (code < -1 || code > 255 || (code == -1 && !err.text[0]))
        abort();
    sim_end();
    int *const rest[] = {&console[0], &console[1], &log[0],     &log[1],    &metrics[0], &metrics[1],
                         &jail[0],    &signals[0], &signals[1], &output[0], &output[1]};
    for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++)
        close_end(rest[i]);
    return 0;
}
