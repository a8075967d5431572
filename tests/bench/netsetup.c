/* How long a VM's network takes to make and to undo, against the same devices, addresses and rules made by `ip`
 * and `iptables` processes, one each, in the same run.  In a network namespace of its own; needs root.
 *
 *     netsetup [ROUNDS]      a table on stderr, JSON on stdout */
#include "netsetup/netsetup.h"
#include "common/buf.h"
#include "common/log.h"
#include "netsetup/link.h"
#include "netsetup/rules.h"
#include "netsetup/tool.h"
#include "tests/bench/measure.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ROUNDS = 20, ROW = 100, WORDS = 40 };

static void die(const struct err *err)
{
    log_error("%s", err->text);
    exit(1);
}

/* Runs a command given as one line of words, as a script would: found in PATH, waited for. */
static void command(const char *line)
{
    char copy[512], *rest = NULL;
    const char *argv[WORDS] = {NULL};
    struct err err = {0};
    size_t n = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word && n < WORDS - 1; word = strtok_r(NULL, " ", &rest))
        argv[n++] = word;
    if (tool_run(argv, NULL, NULL, &err))
        die(&err);
}

/* One line of rules text as an iptables command: added as written, or deleted. */
static void rule_command(const char *world, const char *table, const char *line, bool add)
{
    char text[512], chain[32], rest[400];
    unsigned skip = 0;
    if (sscanf(line, "-%*c %31s %n%399[^\n]", chain, &skip, rest) != 2)
        return;
    const char *spec = rest;
    if (!add && spec[0] >= '0' && spec[0] <= '9') /* the position of an insertion */
        spec += strcspn(spec, " ");
    snprintf(text, sizeof(text), "iptables-%s -w -t %s -%c %s %s", world, table, add ? line[1] : 'D', chain, spec);
    command(text);
}

static void rule_commands(const char *world, const char *rules, bool add)
{
    char table[32] = "";
    for (const char *line = rules; *line; line += strcspn(line, "\n") + 1)
        if (*line == '*')
            snprintf(table, sizeof(table), "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
        else if (*line == '-')
            rule_command(world, table, line, add);
}

struct times {
    double up[ROW], down[ROW];
};

static void ours(const struct net_plan *plan, size_t rounds, struct times *t)
{
    for (size_t i = 0; i < rounds; i++) {
        struct err err = {0};
        double start = now_ms();
        struct netsetup *net = netsetup_up(plan, &err);
        double made = now_ms();
        if (!net || netsetup_down(net, &err))
            die(&err);
        t->up[i] = made - start;
        t->down[i] = now_ms() - made;
    }
}

static void theirs(const char *world, const struct net_plan *plan, size_t rounds, struct times *t)
{
    struct net_link link = {.tap = "ctr0", .guest_mac = {2, 0, 0, 0, 0, 1}};
    cleanup_buf struct buf rules = {0};
    inet_pton(AF_INET, "10.1.2.1", &link.tap_addr);
    inet_pton(AF_INET, "10.1.2.2", &link.guest_addr);
    rules_text(&rules, AF_INET, plan, &link, 1);
    for (size_t i = 0; i < rounds; i++) {
        double start = now_ms();
        command("ip tuntap add dev ctr0 mode tap vnet_hdr user 0 group 0");
        command("ip addr add 10.1.2.1/30 dev ctr0");
        command("ip link set ctr0 mtu 1500 alias ctr-jailer/bench");
        command("ip link set ctr0 up");
        rule_commands(world, rules.data, true);
        double made = now_ms();
        rule_commands(world, rules.data, false);
        command("ip link del ctr0");
        t->up[i] = made - start;
        t->down[i] = now_ms() - made;
    }
}

/* What of both is the kernel's alone: a device with an address goes, and its memory with it. */
static double removal_of_a_device(size_t rounds)
{
    double times[ROW];
    for (size_t i = 0; i < rounds; i++) {
        struct link_info info;
        struct err err = {0};
        command("ip tuntap add dev ctr0 mode tap vnet_hdr");
        command("ip addr add 10.1.2.1/30 dev ctr0");
        command("ip link set ctr0 up");
        if (link_find("ctr0", &info))
            err_sys(&err, "ctr0");
        double start = now_ms();
        if (!err.text[0] && link_delete(info.ifindex))
            err_sys(&err, "ctr0");
        if (err.text[0])
            die(&err);
        times[i] = now_ms() - start;
    }
    return median(times, rounds);
}

static void compare(const char *world, size_t rounds, bool last)
{
    struct net_plan plan = {.id = "bench"};
    struct err err = {0};
    static struct times us, ps, row;
    char line[128];
    if (net_ports_parse("PORTS", "8080:80,2000-2010:2000-2010,127.0.0.1:5353:53/udp", &plan.ports, &err))
        die(&err);
    snprintf(line, sizeof(line), "iptables-%s -A INPUT -s 203.0.113.9 -j DROP", world);
    command(line);
    ours(&plan, 2, &us); /* warm */
    ours(&plan, rounds, &us);
    theirs(world, &plan, rounds, &ps);
    ours(&plan, ROW, &row);
    double up = median(us.up, rounds), down = median(us.down, rounds);
    double ref_up = median(ps.up, rounds), ref_down = median(ps.down, rounds);
    for (size_t i = 0; i < ROW; i++)
        row.up[i] += row.down[i];
    double first = median(row.up, ROUNDS), end = median(row.up + ROW - ROUNDS, ROUNDS);
    fprintf(stderr, "%-8s %-5s %8.1f ms %12.1f ms %10.2f\n", world, "up", up, ref_up, up / ref_up);
    fprintf(stderr, "%-8s %-5s %8.1f ms %12.1f ms %10.2f\n", world, "down", down, ref_down, down / ref_down);
    fprintf(stderr, "%-8s 100 in a row: the first 20 %.1f ms each, the last 20 %.1f ms\n", world, first, end);
    printf("\"%s\":{\"up_ms\":%.2f,\"down_ms\":%.2f,\"reference_up_ms\":%.2f,\"reference_down_ms\":%.2f,"
           "\"first_20_ms\":%.2f,\"last_20_ms\":%.2f}%s",
           world, up, down, ref_up, ref_down, first, end, last ? "" : ",");
    net_ports_free(&plan.ports);
    snprintf(line, sizeof(line), "iptables-%s -D INPUT -s 203.0.113.9 -j DROP", world);
    command(line);
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
    command("ip link set lo up");
    command("ip route add default dev lo");
    double kernel = removal_of_a_device(rounds);
    fprintf(stderr, "the kernel's removal of a TAP, part of every down: %.1f ms\n", kernel);
    fprintf(stderr, "medians of %zu     netsetup  ip+iptables      ratio\n", rounds);
    printf("{\"tap_removal_ms\":%.2f,", kernel);
    compare("nft", rounds, false);
    compare("legacy", rounds, true);
    printf("}\n");
    return 0;
}
