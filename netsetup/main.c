/* netsetup up|take|down|gc|show: the library as a program, for tests and for looking into a host's networks. */
#include "common/begin.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/num.h"
#include "netsetup/netsetup.h"
#include "netsetup/show.h"
#include "netsetup/takeover.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOBODY = 65534 };

static const char help[] =
    "netsetup up ID [option]...   make a VM's network, print it as JSON, hold it until SIGTERM or SIGINT, undo it\n"
    "netsetup take ID [option]... the same, but the guest takes over this namespace's interfaces\n"
    "netsetup down ID             remove what a VM left that is no longer running\n"
    "netsetup gc                  remove what all VMs left that are no longer running\n"
    "netsetup show --json         the networks in this namespace: live ones and orphans\n"
    "options of up:\n"
    "  --tap NAME            TAP device (default: the first free ctr<N>)\n"
    "  --tap-ip ADDRESS      the TAP's own address (default: random 10.x.x.1)\n"
    "  --guest-ip ADDRESS    the guest's (default: the other address of the /30)\n"
    "  --mac ADDRESS         the guest's MAC (default: random)\n"
    "  --uplink NAME         the only interface to leave through, or any (default: the default routes')\n"
    "  --uid N --gid N       who may open the TAP (default: 0)\n"
    "  --ports LIST          published ports, as 8080:80,127.0.0.1:5353:53/udp,2000-2010:2000-2010\n"
    "  --host-access         let the guest reach the host's own services\n"
    "  --guest-access        let other guests reach this one's address\n"
    "  --no-ipv6             no IPv6 even where this host has it\n"
    "  --dns ADDRESS         relay the guest's DNS to a resolver that only this host reaches; up to 3\n"
    "  --down-after-up       do not wait: undo at once\n"
    "options of take:\n"
    "  --iface NAME          an interface (default: every Ethernet interface that is up); up to 8\n"
    "  --uid N --gid N       who may open the TAPs (default: 0)\n"
    "  --dns ADDRESS         relay the guest's DNS to a resolver that only this namespace reaches; up to 3\n"
    "  --down-after-up       do not wait: undo at once\n";

enum {
    O_TAP = 256,
    O_TAP_IP,
    O_GUEST_IP,
    O_MAC,
    O_UPLINK,
    O_UID,
    O_GID,
    O_PORTS,
    O_HOST,
    O_GUEST,
    O_NO_IPV6,
    O_DNS,
    O_ONCE
};

static const struct option options[] = {
    {"tap", required_argument, NULL, O_TAP},
    {"tap-ip", required_argument, NULL, O_TAP_IP},
    {"guest-ip", required_argument, NULL, O_GUEST_IP},
    {"mac", required_argument, NULL, O_MAC},
    {"uplink", required_argument, NULL, O_UPLINK},
    {"uid", required_argument, NULL, O_UID},
    {"gid", required_argument, NULL, O_GID},
    {"ports", required_argument, NULL, O_PORTS},
    {"host-access", no_argument, NULL, O_HOST},
    {"guest-access", no_argument, NULL, O_GUEST},
    {"no-ipv6", no_argument, NULL, O_NO_IPV6},
    {"dns", required_argument, NULL, O_DNS},
    {"down-after-up", no_argument, NULL, O_ONCE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int set_text(char *out, size_t size, const char *what, const char *text, struct err *err)
{
    if ((size_t)snprintf(out, size, "%s", text) >= size)
        return err_set(err, "%s '%s' is longer than %zu characters", what, text, size - 1);
    return 0;
}

static int set_number(uint32_t *out, const char *what, const char *text, struct err *err)
{
    uint64_t n;
    if (num_parse(text, 0, UINT32_MAX - 1, &n) < 0)
        return err_set(err, "%s '%s' is not a number", what, text);
    *out = (uint32_t)n;
    return 0;
}

static int add_dns(char dns[NET_DNS_SERVERS][NET_DNS_MAX], const char *arg, struct err *err)
{
    for (int i = 0; i < NET_DNS_SERVERS; i++)
        if (!dns[i][0])
            return set_text(dns[i], NET_DNS_MAX, "--dns", arg, err);
    return err_set(err, "--dns: %d servers at most", NET_DNS_SERVERS);
}

static int set_option(struct net_plan *plan, int option, const char *arg, struct err *err)
{
    switch (option) {
    case O_TAP:
        return set_text(plan->tap, sizeof(plan->tap), "--tap", arg, err);
    case O_TAP_IP:
        return net_addr_parse("--tap-ip", arg, &plan->tap_addr, err);
    case O_GUEST_IP:
        return net_addr_parse("--guest-ip", arg, &plan->guest_addr, err);
    case O_MAC:
        return net_mac_parse("--mac", arg, plan->guest_mac, err);
    case O_UPLINK:
        return set_text(plan->uplink, sizeof(plan->uplink), "--uplink", arg, err);
    case O_UID:
        return set_number(&plan->uid, "--uid", arg, err);
    case O_GID:
        return set_number(&plan->gid, "--gid", arg, err);
    case O_PORTS:
        net_ports_free(&plan->ports);
        return net_ports_parse("--ports", arg, &plan->ports, err);
    case O_HOST:
        plan->host_access = true;
        return 0;
    case O_GUEST:
        plan->guest_access = true;
        return 0;
    case O_NO_IPV6:
        plan->no_ipv6 = true;
        return 0;
    case O_DNS:
        plan->relay = NOBODY;
        return add_dns(plan->dns, arg, err);
    default:
        return err_set(err, "see netsetup --help");
    }
}

/* Signals are blocked before anything is made, so that none can come between up and down. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* Prints json, the description of the network, and holds the network until a signal comes, unless once is set. */
static int hold(struct buf *json, bool once, const sigset_t *until, struct err *err)
{
    int sig;
    if (buf_failed(json) || printf("%s\n", json->data) < 0 || fflush(stdout) < 0)
        return err_sys(err, "cannot print the result");
    if (!once)
        sigwait(until, &sig);
    return 0;
}

static int up(int argc, char **argv, struct err *err)
{
    struct net_plan plan = {0};
    cleanup_buf struct buf json = {0};
    bool once = false;
    sigset_t set;
    int c, r = 0;
    while (r == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (c == O_ONCE)
            once = true;
        else
            r = set_option(&plan, c, optarg, err);
    if (r == 0 && optind != argc - 1)
        r = err_set(err, "up takes one id");
    if (r == 0)
        r = set_text(plan.id, sizeof(plan.id), "the id", argv[optind], err);
    block_signals(&set);
    struct netsetup *net = r < 0 ? NULL : netsetup_up(&plan, err);
    if (net) {
        show_link(&json, plan.id, netsetup_link(net));
        r = hold(&json, once, &set, err);
        if (netsetup_down(net, err) < 0)
            r = -1;
    } else {
        r = -1;
    }
    net_ports_free(&plan.ports);
    return r;
}

static int add_iface(struct takeover_plan *plan, const char *arg, struct err *err)
{
    for (int i = 0; i < TAKEOVER_CARDS_MAX; i++)
        if (!plan->ifaces[i][0])
            return set_text(plan->ifaces[i], IFNAMSIZ, "--iface", arg, err);
    return err_set(err, "--iface: %d interfaces at most", TAKEOVER_CARDS_MAX);
}

static int take_options(int argc, char **argv, struct takeover_plan *plan, bool *once, struct err *err)
{
    static const struct option options_take[] = {
        {"iface", required_argument, NULL, 'i'},      {"dns", required_argument, NULL, O_DNS},
        {"down-after-up", no_argument, NULL, O_ONCE}, {"uid", required_argument, NULL, 'u'},
        {"gid", required_argument, NULL, 'g'},        {NULL, 0, NULL, 0},
    };
    int c, r = 0;
    while (r == 0 && (c = getopt_long(argc, argv, "", options_take, NULL)) != -1)
        r = c == 'i'      ? add_iface(plan, optarg, err)
            : c == O_DNS  ? (plan->relay = NOBODY, add_dns(plan->dns, optarg, err))
            : c == O_ONCE ? (*once = true, 0)
            : c == 'u'    ? set_number(&plan->uid, "--uid", optarg, err)
            : c == 'g'    ? set_number(&plan->gid, "--gid", optarg, err)
                          : err_set(err, "see netsetup --help");
    if (r == 0 && optind != argc - 1)
        r = err_set(err, "take takes one id");
    return r < 0 ? r : set_text(plan->id, sizeof(plan->id), "the id", argv[optind], err);
}

static int take(int argc, char **argv, struct err *err)
{
    struct takeover_plan plan = {.uid = 0};
    cleanup_buf struct buf json = {0};
    bool once = false;
    sigset_t set;
    if (take_options(argc, argv, &plan, &once, err) < 0)
        return -1;
    block_signals(&set);
    struct takeover *t = takeover_up(&plan, err);
    if (!t)
        return -1;
    show_takeover(&json, plan.id, t);
    int r = hold(&json, once, &set, err);
    return takeover_down(t, err) < 0 ? -1 : r;
}

static int down(int argc, char **argv, struct err *err)
{
    if (argc != 2)
        return err_set(err, "down takes one id");
    return netsetup_forget(argv[1], err);
}

static int gc(int argc, char **argv, struct err *err)
{
    unsigned removed = 0;
    (void)argv;
    if (argc != 1)
        return err_set(err, "gc takes no arguments");
    int r = netsetup_gc(&removed, err);
    printf("%u\n", removed);
    return r;
}

static int show(int argc, char **argv, struct err *err)
{
    cleanup_buf struct buf json = {0};
    if (argc != 2 || strcmp(argv[1], "--json") != 0)
        return err_set(err, "show takes --json");
    if (show_all(&json, err) < 0)
        return -1;
    printf("%s\n", json.data);
    return 0;
}

static const struct net_command {
    const char *name;
    int (*run)(int argc, char **argv, struct err *err);
} commands[] = {{"up", up}, {"take", take}, {"down", down}, {"gc", gc}, {"show", show}};

int main(int argc, char **argv)
{
    struct err err = {0};
    log_init("netsetup");
    opterr = 0;
    if (begin(&err) < 0) {
        log_error("%s", err.text);
        return EXIT_OURS;
    }
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(help, stdout) < 0;
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            if (!commands[i].run(argc - 1, argv + 1, &err))
                return 0;
            log_error("%s", err.text);
            return EXIT_OURS;
        }
    log_error("no such command; see netsetup --help");
    return EXIT_OURS;
}
