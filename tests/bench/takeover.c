/* How long VM_NETWORK=takeover takes to make and to undo, against a script of `ip` and `tc` that ties the same
 * interface to a TAP by mirred (as Kata's tcfilter does, with nothing that keeps a guest to its address), and against
 * nat; all in one run, interleaved.  In a network namespace of its own; needs root.
 *
 *     takeover [ROUNDS]      a table on stderr, JSON on stdout; exit code 1 if the bound is broken */
#include "netsetup/takeover.h"
#include "common/log.h"
#include "netsetup/netsetup.h"
#include "tests/bench/measure.h"
#include "tests/bench/shell.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 20, MOST = 100 };
#define BOUND 0.15 /* of the script's time */

/* As the CNI plugin tc-redirect-tap has it; more kernels have u32 than matchall. */
#define ALL "u32 match u32 0 0"
static const char script_up[] =
    "ip tuntap add dev ctr0 mode tap vnet_hdr user 0 group 0\n"
    "ip link set ctr0 mtu 1500 alias bench\n"
    "tc qdisc add dev ctr0 ingress\n"
    "tc filter add dev ctr0 parent ffff: protocol all " ALL " action mirred egress redirect dev eth0\n"
    "ip link set ctr0 up\n"
    "tc qdisc add dev eth0 ingress\n"
    "tc filter add dev eth0 parent ffff: protocol all " ALL " action mirred egress redirect dev ctr0\n";
static const char script_down[] = "tc qdisc del dev eth0 ingress\nip link del ctr0\n";

struct times {
    double up[MOST], down[MOST];
};

static void take(struct times *t, size_t round)
{
    const struct takeover_plan plan = {.id = "bench", .ifaces = {"eth0"}};
    struct err err = {0};
    double start = now_ms();
    struct takeover *taken = takeover_up(&plan, &err);
    double made = now_ms();
    if (!taken || takeover_down(taken, &err))
        die(&err);
    t->up[round] = made - start;
    t->down[round] = now_ms() - made;
}

static void run_scripts(struct times *t, size_t round)
{
    double start = now_ms();
    shell(script_up, NULL);
    double made = now_ms();
    shell(script_down, NULL);
    t->up[round] = made - start;
    t->down[round] = now_ms() - made;
}

static void do_nat(struct times *t, size_t round)
{
    const struct net_plan plan = {.id = "bench"};
    struct err err = {0};
    double start = now_ms();
    struct netsetup *net = netsetup_up(&plan, &err);
    double made = now_ms();
    if (!net || netsetup_down(net, &err))
        die(&err);
    t->up[round] = made - start;
    t->down[round] = now_ms() - made;
}

int main(int argc, char **argv)
{
    static struct times taken, scripts, nat;
    struct err err = {0};
    size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : ROUNDS;
    log_init("bench-takeover");
    if (!rounds || rounds > MOST)
        rounds = ROUNDS;
    if (unshare(CLONE_NEWNET)) {
        err_sys(&err, "cannot make a network namespace");
        die(&err);
    }
    shell("ip link set lo up\nip link add eth0 type veth peer name peer0\nip link set peer0 up\nip link set eth0 up\n"
          "ip addr add 192.0.2.2/24 dev eth0\nip route add default via 192.0.2.1\n",
          NULL);
    for (size_t i = 0; i < rounds; i++) {
        take(&taken, i);
        run_scripts(&scripts, i);
        do_nat(&nat, i);
    }
    double up = median(taken.up, rounds), down = median(taken.down, rounds);
    double ref_up = median(scripts.up, rounds), ref_down = median(scripts.down, rounds);
    double nat_up = median(nat.up, rounds), nat_down = median(nat.down, rounds);
    double ratio = (up + down) / (ref_up + ref_down);
    fprintf(stderr, "medians of %zu     takeover       script      ratio          nat\n", rounds);
    fprintf(stderr, "takeover up    %8.1f ms %12.1f ms %10.2f %9.1f ms\n", up, ref_up, up / ref_up, nat_up);
    fprintf(stderr, "takeover down  %8.1f ms %12.1f ms %10.2f %9.1f ms\n", down, ref_down, down / ref_down, nat_down);
    fprintf(stderr, "together: %.2f (at most %.2f)%s\n", ratio, BOUND, ratio > BOUND ? ": BROKEN" : "");
    printf("{\"takeover\":{\"up_ms\":%.2f,\"down_ms\":%.2f,\"reference_up_ms\":%.2f,\"reference_down_ms\":%.2f,"
           "\"nat_up_ms\":%.2f,\"nat_down_ms\":%.2f}}\n",
           up, down, ref_up, ref_down, nat_up, nat_down);
    return ratio > BOUND;
}
