/* Guest and container have the same MAC address, so it does not matter which of them answers ARP and neighbour
 * discovery.  Both need the answers, so these frames go to both.  A frame that the guest sends passes the interface's
 * outgoing side as well, but it has come in through the TAP, as ingress_ifindex in struct __sk_buff says.  The
 * container's own frames have not come in through any device.
 *
 * The kernel bounds the table: the least recently used connection makes room (BPF_MAP_TYPE_LRU_HASH).  Each packet that
 * leaves records its connection.  Fragments, and IPv6 packets with extension headers, go to the guest. */
#include "netsetup/flowprog.h"
#include "common/cleanup.h"
#include "netsetup/bpfasm.h"
#include "netsetup/netplan.h"

#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CONNECTIONS = 4096 };

/* A connection, as it lies on a program's stack. */
struct key {
    uint32_t address[4]; /* the other's; IPv4's is the first */
    uint32_t ports;      /* the other's, and ours */
    uint32_t kind;       /* ethernet type and protocol */
};
enum { KEY = -(int)sizeof(struct key), VALUE = KEY - 8, LENGTH = BPF_REG_7, SPARE = BPF_REG_8 };

/* others: the jump to the program's end for frames that belong to no connection. */
static void unless(struct prog *p, struct jumps *others, int comparison, uint32_t value)
{
    size_t well = prog_jump(p, comparison, value);
    others->at[others->count++] = prog_skip(p);
    prog_land(p, well);
}

static void store(struct prog *p, size_t offset)
{
    prog_op(p, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, KEY + (int)offset, 0);
}

/* R0: TCP or UDP. */
static void put_kind(struct prog *p, struct jumps *o, int type)
{
    size_t tcp = prog_jump(p, BPF_JEQ, IPPROTO_TCP);
    unless(p, o, BPF_JEQ, IPPROTO_UDP);
    prog_land(p, tcp);
    prog_op(p, BPF_ALU | BPF_OR | BPF_K, BPF_REG_0, 0, 0, type << 8);
    store(p, offsetof(struct key, kind));
}

static void put_address(struct prog *p, unsigned at, unsigned words)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i < words)
            prog_load(p, BPF_W, at + 4 * i);
        else
            prog_set(p, BPF_REG_0, 0);
        store(p, 4 * i);
    }
}

/* The two ports are one word (BPF_W is 0, and so are BPF_IMM and BPF_K below) and follow the IP header, whose length is
 * in LENGTH.  In a frame that leaves, our port comes first. */
static void put_ports(struct prog *p, bool leaves)
{
    prog_op(p, BPF_LD | BPF_IND, 0, LENGTH, 0, L3);
    if (leaves) {
        prog_op(p, BPF_ALU | BPF_MOV | BPF_X, SPARE, BPF_REG_0, 0, 0);
        prog_op(p, BPF_ALU | BPF_LSH | BPF_K, BPF_REG_0, 0, 0, 16);
        prog_op(p, BPF_ALU | BPF_RSH | BPF_K, SPARE, 0, 0, 16);
        prog_op(p, BPF_ALU | BPF_OR | BPF_X, BPF_REG_0, SPARE, 0, 0);
    }
    store(p, offsetof(struct key, ports));
}

static void make_key(struct prog *p, struct jumps *o, bool leaves)
{
    prog_load(p, BPF_B, L3);
    prog_op(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 15);
    prog_op(p, BPF_ALU | BPF_LSH | BPF_K, BPF_REG_0, 0, 0, 2);
    prog_op(p, BPF_ALU64 | BPF_MOV | BPF_X, LENGTH, BPF_REG_0, 0, 0);
    prog_load(p, BPF_H, IP_FRAGMENT);
    prog_op(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, IS_FRAGMENT);
    unless(p, o, BPF_JEQ, 0);
    prog_load(p, BPF_B, IP_PROTOCOL);
    put_kind(p, o, ETH_P_IP);
    put_address(p, leaves ? IP_TO : IP_SOURCE, 1);
    put_ports(p, leaves);
}

static void make_key6(struct prog *p, struct jumps *o, bool leaves)
{
    prog_set(p, LENGTH, IP6_END - L3);
    prog_load(p, BPF_B, IP6_NEXT);
    put_kind(p, o, ETH_P_IPV6);
    put_address(p, leaves ? IP6_TO : IP6_SOURCE, 4);
    put_ports(p, leaves);
}

static void point_to_key(struct prog *p, int map)
{
    prog_op(p, BPF_LD | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map);
    prog_op(p, 0, 0, 0, 0, 0); /* the second half of that instruction */
    prog_op(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
    prog_op(p, BPF_ALU64 | BPF_ADD, BPF_REG_2, 0, 0, KEY);
}

static void note(struct prog *p, int map)
{
    prog_op(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, VALUE, 1);
    point_to_key(p, map);
    prog_op(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0);
    prog_op(p, BPF_ALU64 | BPF_ADD, BPF_REG_3, 0, 0, VALUE);
    prog_set(p, BPF_REG_4, BPF_ANY);
    prog_op(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_update_elem);
    prog_end(p, TC_ACT_OK);
}

static void look_up(struct prog *p, int map, unsigned tap)
{
    point_to_key(p, map);
    prog_op(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
    size_t nobodys = p->count;
    prog_op(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 0);
    prog_end(p, TC_ACT_OK);
    prog_land(p, nobodys);
    prog_redirect(p, tap);
}

static void to_both(struct prog *p, unsigned tap)
{
    prog_op(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, CONTEXT, 0, 0);
    prog_set(p, BPF_REG_2, (int32_t)tap);
    prog_set(p, BPF_REG_3, 0);
    prog_op(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_clone_redirect);
    prog_end(p, TC_ACT_OK);
}

/* Neighbour discovery; other ICMPv6 goes on. */
static void share_discovery(struct prog *p, unsigned tap)
{
    prog_load(p, BPF_B, IP6_NEXT);
    size_t other = prog_jump(p, BPF_JNE, IPPROTO_ICMPV6);
    prog_load(p, BPF_B, IP6_END);
    size_t share = prog_jump(p, BPF_JEQ, ND_SOLICITATION);
    size_t no_nd = prog_jump(p, BPF_JNE, ND_ADVERTISEMENT);
    prog_land(p, share);
    to_both(p, tap);
    prog_land(p, no_nd);
    prog_land(p, other);
}

static void by_connection(struct prog *p, int map, unsigned tap, bool leaves)
{
    struct jumps o = {.count = 0};
    prog_load(p, BPF_H, ETH_TYPE);
    size_t no_ip = prog_jump(p, BPF_JNE, ETH_P_IP);
    make_key(p, &o, leaves);
    size_t made = prog_skip(p);
    prog_land(p, no_ip);
    unless(p, &o, BPF_JEQ, ETH_P_IPV6);
    if (!leaves)
        share_discovery(p, tap);
    make_key6(p, &o, leaves);
    prog_land(p, made);
    if (leaves)
        note(p, map);
    else
        look_up(p, map, tap);
    prog_land_all(p, &o);
    if (leaves)
        prog_end(p, TC_ACT_OK);
    else
        prog_redirect(p, tap);
}

/* Only this namespace and the guest use the relay's addresses: nobody on the network may answer as the relay.  The
 * kernel has removed one VLAN tag, if there was one; a receiver removes any number of tags of VLAN 0. */
static void drop_as_relay(struct prog *p, const struct takeover_relay *relay)
{
    static const unsigned at[] = {IP_SOURCE, IP_TO};
    struct jumps others = {.count = 0};
    const uint32_t mask = UINT32_MAX << (32 - NET_PREFIX), net = ntohl(relay->relay.s_addr) & mask;
    prog_load_context(p, offsetof(struct __sk_buff, len));
    unless(p, &others, BPF_JGE, IP_END);
    prog_load(p, BPF_H, ETH_TYPE);
    struct jumps bad = {.count = 0};
    bad.at[bad.count++] = prog_jump(p, BPF_JEQ, ETH_P_8021Q);
    bad.at[bad.count++] = prog_jump(p, BPF_JEQ, ETH_P_8021AD);
    unless(p, &others, BPF_JEQ, ETH_P_IP);
    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
        prog_load(p, BPF_W, at[i]);
        prog_op(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, (int32_t)mask);
        bad.at[bad.count++] = prog_jump(p, BPF_JEQ, net);
    }
    others.at[others.count++] = prog_skip(p);
    prog_land_all(p, &bad);
    prog_end(p, TC_ACT_SHOT);
    prog_land_all(p, &others);
}

/* Frames with a VLAN tag, and frames too short to be inspected, go to the guest. */
static int open_in(int map, unsigned tap, const struct takeover_relay *relay, struct err *err)
{
    struct prog p;
    struct jumps o = {.count = 0};
    prog_begin(&p);
    if (relay)
        drop_as_relay(&p, relay);
    prog_load_context(&p, offsetof(struct __sk_buff, vlan_present));
    unless(&p, &o, BPF_JEQ, 0);
    prog_load_context(&p, offsetof(struct __sk_buff, len));
    unless(&p, &o, BPF_JGE, L3 + 28);
    prog_load(&p, BPF_H, ETH_TYPE);
    size_t no_arp = prog_jump(&p, BPF_JNE, ETH_P_ARP);
    to_both(&p, tap);
    prog_land(&p, no_arp);
    size_t no_ip6 = prog_jump(&p, BPF_JNE, ETH_P_IPV6);
    prog_load_context(&p, offsetof(struct __sk_buff, len));
    unless(&p, &o, BPF_JGE, IP6_END + 4);
    prog_land(&p, no_ip6);
    by_connection(&p, map, tap, false);
    prog_land_all(&p, &o);
    prog_redirect(&p, tap);
    return prog_open(&p, err);
}

static int open_out(int map, struct err *err)
{
    struct prog p;
    prog_begin(&p);
    prog_load_context(&p, offsetof(struct __sk_buff, ingress_ifindex));
    size_t own = prog_jump(&p, BPF_JEQ, 0);
    prog_end(&p, TC_ACT_OK);
    prog_land(&p, own);
    by_connection(&p, map, 0, true);
    return prog_open(&p, err);
}

int flowprog_open(unsigned tap, const struct takeover_relay *relay, int *in, int *out, struct err *err)
{
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_LRU_HASH,
                           .key_size = sizeof(struct key),
                           .value_size = sizeof(uint64_t),
                           .max_entries = CONNECTIONS};
    cleanup_close int map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)); /* always close-on-exec */
    if (map < 0)
        return err_sys(err, "cannot create the table of the container's own connections (bpf(2))");
    *out = -1;
    *in = open_in(map, tap, relay, err);
    if (*in >= 0)
        *out = open_out(map, err);
    if (*out >= 0)
        return 0;
    if (*in >= 0)
        close(*in);
    return -1;
}
