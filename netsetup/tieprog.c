/* A program is a list of checks: each drops the frame, or lets the next one look.  The last instruction sends it on.
 *
 * What a container may forge depends on its capabilities, and on many engines it may forge much.  A guest may not: its
 * root can do anything, so the TAP is the only place for these checks.  Sources have to be the interface's own in
 * Ethernet, IPv4, IPv6 and ARP; nothing else leaves (VLAN tags, spanning tree, ...).  In neighbour discovery (RFC
 * 4861), an advertisement must be of an own address, and router advertisements and redirects are not a guest's to send.
 * Linux accepts neighbour discovery behind other extension headers too, so only hop-by-hop options may precede ICMPv6,
 * and only for multicast listener reports (RFC 3810), which always have them.
 *
 * The instructions are those of Documentation/bpf/standardization/instruction-set.rst, "legacy" packet access included:
 * BPF_ABS loads bytes of the frame, in host order, to R0.  When they are beyond the frame's end it would end the
 * program and let the frame in, so its length is checked first. */
#include "netsetup/tieprog.h"
#include "common/num.h"
#include "netsetup/forbidden.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROG_MAX = 2048, JUMPS_MAX = 8, CONTEXT = BPF_REG_6 };

/* Where things are in a frame: bytes from its start. */
enum {
    ETH_SOURCE = 6,
    ETH_TYPE = 12,
    L3 = ETH_HLEN,
    ARP_KIND = L3,      /* Ethernet and IPv4: 1, 0x800 */
    ARP_SIZES = L3 + 4, /* 6 and 4 */
    ARP_SENDER = L3 + 8,
    ARP_SENDER_IP = L3 + 14,
    ARP_END = L3 + 28,
    IP_SOURCE = L3 + 12,
    IP_TO = L3 + 16,
    IP_END = L3 + 20,
    IP6_NEXT = L3 + 6,
    IP6_SOURCE = L3 + 8,
    IP6_TO = L3 + 24,
    IP6_END = L3 + 40,
    ND_TARGET = 8, /* in ICMPv6, of an advertisement */
    ND_END = 24,
    HOP_OPTIONS = 8 /* with the router alert, which reports have */
};
enum { ND_ROUTER_ADVERTISEMENT = 134, ND_ADVERTISEMENT = 136, ND_REDIRECT = 137 };
enum { MLD_REPORT = 131, MLD_DONE = 132, MLD2_REPORT = 143 };

struct prog {
    struct bpf_insn insn[PROG_MAX];
    size_t count; /* beyond PROG_MAX: it did not fit */
};

static void op(struct prog *p, int code, int dst, int src, int off, int32_t imm)
{
    if (p->count < PROG_MAX)
        p->insn[p->count] =
            (struct bpf_insn){(uint8_t)code, (uint8_t)(dst & 15), (uint8_t)(src & 15), (int16_t)off, imm};
    p->count++;
}

static void set(struct prog *p, int reg, int32_t value)
{
    op(p, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value);
}

static void end(struct prog *p, int action)
{
    set(p, BPF_REG_0, action);
    op(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Loads size (BPF_B, BPF_H, BPF_W) bytes of the frame. */
static void load(struct prog *p, int size, unsigned at)
{
    op(p, BPF_LD | size | BPF_ABS, 0, 0, 0, (int32_t)at);
}

/* Jumps over what comes until land() if what was loaded compares so with value. */
static size_t jump(struct prog *p, int comparison, uint32_t value)
{
    op(p, BPF_JMP32 | comparison | BPF_K, BPF_REG_0, 0, 0, (int32_t)value);
    return p->count - 1;
}

static void land(struct prog *p, size_t jump)
{
    if (jump < PROG_MAX)
        p->insn[jump].off = (int16_t)(p->count - jump - 1);
}

static void drop_unless(struct prog *p, int comparison, uint32_t value)
{
    size_t well = jump(p, comparison, value);
    end(p, TC_ACT_SHOT);
    land(p, well);
}

/* A field of the context. */
static void load_context(struct prog *p, size_t offset)
{
    op(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, CONTEXT, (int)offset, 0);
}

static void need_length(struct prog *p, unsigned bytes)
{
    load_context(p, offsetof(struct __sk_buff, len));
    drop_unless(p, BPF_JGE, bytes);
}

static void redirect(struct prog *p, unsigned ifindex)
{
    set(p, BPF_REG_1, (int32_t)ifindex);
    set(p, BPF_REG_2, 0);
    op(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect);
    op(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Jumps over the rest, to land_all, when the address in the frame is in net/bits. */
struct jumps {
    size_t at[JUMPS_MAX + CARD_ADDRESSES_MAX];
    size_t count;
};

static void jump_if_in(struct prog *p, struct jumps *found, unsigned at, const uint8_t *net, unsigned bits)
{
    size_t differs[4], words = 0;
    for (unsigned done = 0; done < bits; done += 32, at += 4, net += 4) {
        uint32_t word, mask = bits - done >= 32 ? UINT32_MAX : ~(UINT32_MAX >> (bits - done));
        memcpy(&word, net, sizeof(word));
        load(p, BPF_W, at);
        if (mask != UINT32_MAX)
            op(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, (int32_t)mask);
        differs[words++] = jump(p, BPF_JNE, ntohl(word) & mask);
    }
    found->at[found->count++] = p->count;
    op(p, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    for (size_t i = 0; i < words; i++)
        land(p, differs[i]);
}

static void land_all(struct prog *p, const struct jumps *j)
{
    for (size_t i = 0; i < j->count; i++)
        land(p, j->at[i]);
}

/* An unspecified address is for those who look for their own, or whether it is in use. */
static void drop_strangers(struct prog *p, const struct card *card, int family, unsigned at, bool or_none)
{
    static const uint8_t none[sizeof(struct in6_addr)];
    unsigned bits = family == AF_INET6 ? 128 : 32;
    struct jumps own = {.count = 0};
    for (size_t i = 0; i < card->address_count; i++)
        if (card->address[i].family == family)
            jump_if_in(p, &own, at, card->address[i].local.s6_addr, bits);
    if (or_none)
        jump_if_in(p, &own, at, none, bits);
    end(p, TC_ACT_SHOT);
    land_all(p, &own);
}

/* As the guest has the container's own link here, link-local neighbours are its own as well, but for the metadata
 * service of OpenStack and Akamai. */
static void drop_forbidden(struct prog *p, int family, unsigned at)
{
    size_t count;
    const struct forbidden *table = forbidden_table(&count);
    for (size_t i = 0; i < count; i++) {
        char text[INET6_ADDRSTRLEN];
        uint8_t net[sizeof(struct in6_addr)];
        uint64_t bits;
        bool link = !strcmp(table[i].destination, "fe80::/10");
        const char *destination = link ? "fe80::a9fe:a9fe/128" : table[i].destination;
        size_t len = strcspn(destination, "/");
        struct jumps found = {.count = 0};
        snprintf(text, sizeof(text), "%.*s", (int)len, destination);
        if (table[i].family != family || inet_pton(family, text, net) != 1 ||
            num_parse(destination + len + 1, 1, 128, &bits) < 0)
            continue;
        jump_if_in(p, &found, at, net, (unsigned)bits);
        size_t apart = p->count;
        op(p, BPF_JMP | BPF_JA, 0, 0, 0, 0);
        land_all(p, &found);
        end(p, TC_ACT_SHOT);
        land(p, apart);
    }
}

static void check_arp(struct prog *p, const struct card *card)
{
    uint32_t high, low;
    memcpy(&high, card->mac, sizeof(high));
    memcpy(&low, card->mac + 2, sizeof(low));
    need_length(p, ARP_END);
    load(p, BPF_W, ARP_KIND);
    drop_unless(p, BPF_JEQ, 1 << 16 | ETH_P_IP);
    load(p, BPF_H, ARP_SIZES);
    drop_unless(p, BPF_JEQ, ETH_ALEN << 8 | sizeof(struct in_addr));
    load(p, BPF_W, ARP_SENDER);
    drop_unless(p, BPF_JEQ, ntohl(high));
    load(p, BPF_W, ARP_SENDER + 2);
    drop_unless(p, BPF_JEQ, ntohl(low));
    drop_strangers(p, card, AF_INET, ARP_SENDER_IP, true);
    redirect(p, card->ifindex);
}

static void check_ip(struct prog *p, const struct card *card)
{
    need_length(p, IP_END);
    drop_strangers(p, card, AF_INET, IP_SOURCE, false);
    drop_forbidden(p, AF_INET, IP_TO);
    redirect(p, card->ifindex);
}

static void check_icmp6(struct prog *p, const struct card *card)
{
    need_length(p, IP6_END + 1);
    load(p, BPF_B, IP6_END);
    drop_unless(p, BPF_JNE, ND_ROUTER_ADVERTISEMENT);
    drop_unless(p, BPF_JNE, ND_REDIRECT);
    size_t other = jump(p, BPF_JNE, ND_ADVERTISEMENT);
    need_length(p, IP6_END + ND_END);
    drop_strangers(p, card, AF_INET6, IP6_END + ND_TARGET, false);
    land(p, other);
    redirect(p, card->ifindex);
}

static void check_hop_options(struct prog *p, const struct card *card)
{
    struct jumps report = {.count = 0};
    need_length(p, IP6_END + HOP_OPTIONS + 1);
    load(p, BPF_H, IP6_END); /* what comes next, and how long it is in units of 8 bytes beyond the first */
    drop_unless(p, BPF_JEQ, IPPROTO_ICMPV6 << 8);
    load(p, BPF_B, IP6_END + HOP_OPTIONS);
    report.at[report.count++] = jump(p, BPF_JEQ, MLD_REPORT);
    report.at[report.count++] = jump(p, BPF_JEQ, MLD_DONE);
    drop_unless(p, BPF_JEQ, MLD2_REPORT);
    land_all(p, &report);
    redirect(p, card->ifindex);
}

static void check_ip6(struct prog *p, const struct card *card)
{
    need_length(p, IP6_END);
    drop_strangers(p, card, AF_INET6, IP6_SOURCE, true);
    drop_forbidden(p, AF_INET6, IP6_TO);
    load(p, BPF_B, IP6_NEXT);
    drop_unless(p, BPF_JNE, IPPROTO_ROUTING);
    drop_unless(p, BPF_JNE, IPPROTO_DSTOPTS);
    size_t no_options = jump(p, BPF_JNE, IPPROTO_HOPOPTS);
    check_hop_options(p, card);
    land(p, no_options);
    size_t other = jump(p, BPF_JNE, IPPROTO_ICMPV6);
    check_icmp6(p, card);
    land(p, other);
    redirect(p, card->ifindex);
}

/* The kernel takes a VLAN's tag off the frame before it asks us, also that of VLAN 0. */
static void check_ethernet(struct prog *p, const struct card *card)
{
    uint32_t high;
    uint16_t low;
    memcpy(&high, card->mac, sizeof(high));
    memcpy(&low, card->mac + sizeof(high), sizeof(low));
    load_context(p, offsetof(struct __sk_buff, vlan_present));
    drop_unless(p, BPF_JEQ, 0);
    need_length(p, ETH_HLEN);
    load(p, BPF_W, ETH_SOURCE);
    drop_unless(p, BPF_JEQ, ntohl(high));
    load(p, BPF_H, ETH_SOURCE + sizeof(high));
    drop_unless(p, BPF_JEQ, ntohs(low));
}

/* The kernel's reason is in log only when asked for, and is for whoever changes this file. */
static int load_prog(const struct prog *p, struct err *err)
{
    if (p->count > PROG_MAX)
        return err_set(err, "the program for a TAP's frames is too long: %zu instructions", p->count);
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
                           .insn_cnt = (uint32_t)p->count,
                           .insns = (uint64_t)(uintptr_t)p->insn,
                           .license = (uint64_t)(uintptr_t) "Apache-2.0",
                           .prog_name = "ctr_jailer"};
    int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)); /* always close-on-exec */
    if (fd >= 0)
        return fd;
    err_sys(err, "cannot load a program for the TAP's frames (bpf(2))");
    if (errno == EPERM)
        err_hint(err, "CAP_SYS_ADMIN, or CAP_BPF and CAP_NET_ADMIN, and a seccomp profile that allows bpf are needed");
    else if (errno == ENOSYS || errno == EINVAL)
        err_hint(err, "the host's kernel needs CONFIG_BPF_SYSCALL, and must be 5.10 or newer");
    return -1;
}

int tieprog_in(unsigned tap, struct err *err)
{
    struct prog p = {.count = 0};
    redirect(&p, tap);
    return load_prog(&p, err);
}

int tieprog_out(const struct card *card, struct err *err)
{
    struct prog p = {.count = 0};
    op(&p, BPF_ALU64 | BPF_MOV | BPF_X, CONTEXT, BPF_REG_1, 0, 0);
    check_ethernet(&p, card);
    load(&p, BPF_H, ETH_TYPE);
    size_t no_arp = jump(&p, BPF_JNE, ETH_P_ARP);
    check_arp(&p, card);
    land(&p, no_arp);
    size_t no_ip = jump(&p, BPF_JNE, ETH_P_IP);
    check_ip(&p, card);
    land(&p, no_ip);
    drop_unless(&p, BPF_JEQ, ETH_P_IPV6);
    check_ip6(&p, card);
    return load_prog(&p, err);
}
