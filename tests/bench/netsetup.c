/* How long a VM's network takes to make and to undo, against the same device, addresses and rules made by a shell
 * script of `ip` and `iptables` commands, in the same run; that it is the same is looked at first.  netsetup also
 * finds a free subnet and name, the firewall's backend and dead VMs' leavings, and takes the ports; the script is told.
 * In a network namespace of its own; needs root.
 *
 *     netsetup [ROUNDS]      a table on stderr, JSON on stdout */
#include "netsetup/netsetup.h"
#include "common/buf.h"
#include "common/log.h"
#include "netsetup/fw.h"
#include "netsetup/fwrestore.h"
#include "netsetup/gc.h"
#include "netsetup/link.h"
#include "netsetup/rules.h"
#include "tests/bench/measure.h"
#include "tests/bench/shell.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, ROW = 100 };

/* One line of rules text as an iptables command: added as written, or deleted. */
static void put_rule(struct buf *script, const char *backend, const char *table, const char *line, bool add)
{
    char chain[32], rest[400];
    unsigned skip = 0;
    if (sscanf(line, "-%*c %31s %n%399[^\n]", chain, &skip, rest) != 2)
        return;
    const char *spec = rest;
    if (!add && spec[0] >= '0' && spec[0] <= '9') /* the position of an insertion */
        spec += strcspn(spec, " ");
    buf_fmt(script, "iptables-%s -w -t %s -%c %s %s\n", backend, table, add ? line[1] : 'D', chain, spec);
}

/* A chain of the VM's own: before its rules, or after they are gone. */
static void put_chain(struct buf *script, const char *backend, const char *table, const char *line, bool add)
{
    buf_fmt(script, "iptables-%s -w -t %s -%c %.*s\n", backend, table, add ? 'N' : 'X', (int)strcspn(line + 1, " "),
            line + 1);
}

static void put_rules(struct buf *script, const char *backend, const char *rules, bool add)
{
    char table[32] = "";
    const char *chain = NULL;
    for (const char *line = rules; *line; line += strcspn(line, "\n") + 1)
        if (*line == '*')
            snprintf(table, sizeof(table), "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
        else if (*line == ':' && add)
            put_chain(script, backend, table, line, add);
        else if (*line == ':')
            chain = line;
        else if (*line == 'C' && chain) {
            put_chain(script, backend, table, chain, add);
            chain = NULL;
        } else if (*line == '-')
            put_rule(script, backend, table, line, add);
}

/* What people have in their scripts: the reference, and the same end. */
struct scripts {
    struct buf up, down;
};

static void write_scripts(struct scripts *s, const char *backend, const struct net_plan *plan,
                          const struct net_link *link)
{
    cleanup_buf struct buf rules = {0};
    char addr[INET_ADDRSTRLEN];
    rules_text(&rules, AF_INET, plan, link, 1);
    buf_str(&s->up, "ip tuntap add dev ctr0 mode tap vnet_hdr user 0 group 0\n");
    buf_fmt(&s->up, "ip addr add %s/30 dev ctr0\n", inet_ntop(AF_INET, &link->tap_addr, addr, sizeof(addr)));
    buf_fmt(&s->up, "ip link set ctr0 mtu %u alias " RULES_COMMENT "%s group %u\n", link->mtu, plan->id, RULES_GROUP);
    buf_str(&s->up, "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
                    "echo 1 >/proc/sys/net/ipv4/conf/ctr0/route_localnet\n"
                    "echo 1 >/proc/sys/net/ipv6/conf/ctr0/disable_ipv6\n");
    put_rules(&s->up, backend, rules.data, true);
    buf_str(&s->up, "ip link set ctr0 up\n");
    put_rules(&s->down, backend, rules.data, false);
    buf_str(&s->down, "ip link del ctr0\n");
}

/* The device and the rules there are, as a text to compare. */
static void look(const char *backend, struct buf *out)
{
    char script[400];
    snprintf(script, sizeof(script),
             "cat /proc/sys/net/ipv4/conf/ctr0/route_localnet /proc/sys/net/ipv6/conf/ctr0/disable_ipv6\n"
             "ip -o -d addr show dev ctr0 | sed 's/^[0-9]*//'\niptables-%s-save | grep -v '^[#:]' | "
             /* the mark's own part is another each time, in comments and in the chain's name */
             "sed 's/~[0-9a-f]*\"/\"/; s/" RULES_CHAIN "[0-9a-z]*/" RULES_CHAIN "/g'",
             backend);
    shell(script, out);
}

struct times {
    double up[ROW], down[ROW];
};

static struct netsetup *up(const struct net_plan *plan)
{
    struct err err = {0};
    struct netsetup *net = netsetup_up(plan, &err);
    if (!net)
        die(&err);
    return net;
}

static void down(struct netsetup *net)
{
    struct err err = {0};
    if (netsetup_down(net, &err))
        die(&err);
}

static void ours(const struct net_plan *plan, size_t rounds, struct times *t)
{
    for (size_t i = 0; i < rounds; i++) {
        double start = now_ms();
        struct netsetup *net = up(plan);
        double made = now_ms();
        down(net);
        t->up[i] = made - start;
        t->down[i] = now_ms() - made;
    }
}

static void theirs(const struct scripts *s, size_t rounds, struct times *t)
{
    for (size_t i = 0; i < rounds; i++) {
        double start = now_ms();
        shell(s->up.data, NULL);
        double made = now_ms();
        shell(s->down.data, NULL);
        t->up[i] = made - start;
        t->down[i] = now_ms() - made;
    }
}

/* The scripts for what netsetup makes; it must be the same in the end. */
static void make_scripts(struct scripts *s, const char *backend, const struct net_plan *plan)
{
    cleanup_buf struct buf us = {0}, them = {0};
    struct err err = {0};
    struct netsetup *net = up(plan);
    write_scripts(s, backend, plan, netsetup_link(net));
    look(backend, &us);
    down(net);
    shell(s->up.data, NULL);
    look(backend, &them);
    shell(s->down.data, NULL);
    if (strcmp(us.data, them.data) != 0) {
        err_set(&err, "the scripts make something else:\n%s\n--- than netsetup:\n%s", them.data, us.data);
        die(&err);
    }
}

/* What is the kernel's alone: a device with an address goes; then its memory goes, too. */
static void floor_of_removal(size_t rounds, double *gone, double *freed)
{
    double gone_times[ROW], freed_times[ROW];
    for (size_t i = 0; i < 2 * rounds; i++) {
        struct link_info info;
        struct link_deletion deletion = LINK_DELETION_NONE;
        struct err err = {0};
        bool async = i % 2;
        shell("ip tuntap add dev ctr0 mode tap vnet_hdr\nip addr add 10.1.2.1/30 dev ctr0\nip link set ctr0 up\n",
              NULL);
        if (link_find("ctr0", &info))
            err_sys(&err, "ctr0");
        double start = now_ms();
        if (async && (link_delete_start(info.ifindex, &deletion) || link_delete_wait(&deletion)))
            err_sys(&err, "ctr0");
        if (!async && link_delete(info.ifindex))
            err_sys(&err, "ctr0");
        (async ? gone_times : freed_times)[i / 2] = now_ms() - start;
        if (err.text[0])
            die(&err);
    }
    *gone = median(gone_times, rounds);
    *freed = median(freed_times, rounds);
}

/* And what is one iptables-restore's, with the same rules. */
static double floor_of_rules(enum fw_backend backend, const struct net_plan *plan, size_t rounds)
{
    const struct net_link link = {.tap = "ctr0", .guest_addr.s_addr = htonl(0x0a010202)};
    double times[ROW];
    for (size_t i = 0; i < rounds; i++) {
        struct err err = {0};
        cleanup_buf struct buf text = {0};
        rules_text(&text, AF_INET, plan, &link, 1);
        double start = now_ms();
        if (fw_restore(backend, AF_INET, text.data, &err))
            die(&err);
        times[i] = now_ms() - start;
        if (gc_rules(plan->id, AF_INET, &err))
            die(&err);
    }
    return median(times, rounds);
}

/* The longest that somebody waits for it: down in a process that ends as soon as it can. */
static double down_and_exit(const struct net_plan *plan, size_t rounds)
{
    double times[ROW];
    for (size_t i = 0; i < rounds; i++) {
        double start = 0;
        int ends[2], status = 0;
        struct err err = {0};
        pid_t pid = pipe(ends) ? -1 : fork();
        if (!pid) {
            struct netsetup *net = up(plan);
            start = now_ms();
            down(net);
            _exit(write(ends[1], &start, sizeof(start)) != sizeof(start));
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status ||
            read(ends[0], &start, sizeof(start)) != sizeof(start)) {
            err_sys(&err, "a process for netsetup");
            die(&err);
        }
        times[i] = now_ms() - start;
        close(ends[0]);
        close(ends[1]);
    }
    return median(times, rounds);
}

static void compare(enum fw_backend which, size_t rounds, bool last)
{
    struct net_plan plan = {.id = "bench"};
    struct err err = {0};
    struct scripts scripts = {.up = {0}};
    static struct times us, ps, row;
    const char *backend = which == FW_NFT ? "nft" : "legacy";
    char line[128];
    if (net_ports_parse("VM_PORTS", "8080:80,2000-2010:2000-2010,127.0.0.1:5353:53/udp", &plan.ports, &err))
        die(&err);
    snprintf(line, sizeof(line), "iptables-%s -A INPUT -s 203.0.113.9 -j DROP\n", backend);
    shell(line, NULL);
    make_scripts(&scripts, backend, &plan);
    ours(&plan, rounds, &us);
    theirs(&scripts, rounds, &ps);
    ours(&plan, ROW, &row);
    double up = median(us.up, rounds), down = median(us.down, rounds);
    double ref_up = median(ps.up, rounds), ref_down = median(ps.down, rounds);
    double restore = floor_of_rules(which, &plan, rounds), leave = down_and_exit(&plan, rounds);
    for (size_t i = 0; i < ROW; i++)
        row.up[i] += row.down[i];
    double first = median(row.up, ROUNDS), end = median(row.up + ROW - ROUNDS, ROUNDS);
    fprintf(stderr, "%-8s %-5s %8.1f ms %12.1f ms %10.2f\n", backend, "up", up, ref_up, up / ref_up);
    fprintf(stderr, "%-8s %-5s %8.1f ms %12.1f ms %10.2f\n", backend, "down", down, ref_down, down / ref_down);
    fprintf(stderr, "%-8s one iptables-restore alone %.1f ms; down and a process's end %.1f ms\n", backend, restore,
            leave);
    fprintf(stderr, "%-8s 100 in a row: the first 20 %.1f ms each, the last 20 %.1f ms\n", backend, first, end);
    printf("\"%s\":{\"up_ms\":%.2f,\"down_ms\":%.2f,\"reference_up_ms\":%.2f,\"reference_down_ms\":%.2f,"
           "\"restore_ms\":%.2f,\"down_and_exit_ms\":%.2f,\"first_20_ms\":%.2f,\"last_20_ms\":%.2f}%s",
           backend, up, down, ref_up, ref_down, restore, leave, first, end, last ? "" : ",");
    net_ports_free(&plan.ports);
    buf_free(&scripts.up);
    buf_free(&scripts.down);
    snprintf(line, sizeof(line), "iptables-%s -D INPUT -s 203.0.113.9 -j DROP\n", backend);
    shell(line, NULL);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : ROUNDS;
    log_init("bench-netsetup");
    if (!rounds || rounds > ROW)
        rounds = ROUNDS;
    if (unshare(CLONE_NEWNET)) {
        err_sys(&err, "cannot make a network namespace");
        die(&err);
    }
    shell("ip link set lo up\nip route add default dev lo\n", NULL);
    double gone, freed;
    floor_of_removal(rounds, &gone, &freed);
    fprintf(stderr, "a TAP alone: %.1f ms until it is gone, %.1f ms until the kernel has freed it\n", gone, freed);
    fprintf(stderr, "medians of %zu     netsetup       script      ratio\n", rounds);
    printf("{\"tap_gone_ms\":%.2f,\"tap_freed_ms\":%.2f,", gone, freed);
    compare(FW_NFT, rounds, false);
    compare(FW_LEGACY, rounds, true);
    printf("}\n");
    return 0;
}
