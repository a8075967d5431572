/* A program is a list of checks: each drops the frame, or lets the next one look.  The last instruction sends it on.
 *
 * What a container may forge depends on its capabilities, and on many engines it may forge much.  A guest may not: its
 * root can do anything, so the TAP is the only place for these checks.  Frames that are not listed here do not leave
 * (VLAN tags, spanning tree, tunnels, whose inner addresses nobody would check, routing and multicast routers'
 * protocols).
 *
 * - Sources are the interface's own in Ethernet, IPv4, IPv6 and ARP.
 * - A query whether an address is in use (RFC 4862, RFC 5227) must be for the guest's own address: otherwise others
 *   would give up theirs.
 * - An advertisement (RFC 4861) must be for the guest's own address, and router advertisements are dropped.
 * - An ICMP error must quote a packet that went to the guest's own address: a guest must not change others' connections
 *   and path MTUs.
 * - No source routes: the destination that is checked is where the packet goes.
 *
 * Linux accepts ICMPv6 after extension headers too, so only hop-by-hop options may precede it, and only for multicast
 * listener reports (RFC 3810), which always have them.  The receiver reassembles fragments, so a first fragment must
 * show everything that is checked.  Of ICMP messages, only an echo's first fragment does: an echo's type is all that is
 * checked.
 *
 * Bytes beyond a frame's end must not be loaded (bpfasm.h: the frame would pass), so the length is checked first. */
#include "netsetup/tieprog.h"
#include "common/array.h"
#include "netsetup/bpfasm.h"
#include "netsetup/forbidden.h"

#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* In ARP for Ethernet and IPv4, and in ICMPv6. */
enum {
    ARP_KIND = L3,      /* Ethernet and IPv4: 1, 0x800 */
    ARP_SIZES = L3 + 4, /* 6 and 4 */
    ARP_SENDER = L3 + 8,
    ARP_SENDER_IP = L3 + 14,
    ARP_TARGET_IP = L3 + 24,
    ARP_END = L3 + 28,
    ND_TARGET = 8,
    ND_END = 24,
    HOP_OPTIONS = 8,  /* with the router alert, which reports have */
    IGMP_OPTIONS = 4, /* the same */
    ICMP_QUOTED = 8,  /* the header of the packet that an error is about */
    FRAGMENT_HEADER = 8
};
enum { FRAGMENT_OFFSET = 0x1fff, FRAGMENT6_OFFSET = 0xfff8, ERROR6_LAST = 4 /* of ICMPv6: 1 to 4 */ };

/* Protocols whose packets are not inspected. */
static const uint32_t plain[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_UDPLITE};

/* Types (iana.org: ICMP, ICMPv6 and IGMP parameters). */
static const uint32_t echo4[] = {0, 8}, errors4[] = {3, 11, 12};
static const uint32_t echo6[] = {128, 129};
static const uint32_t discovery[] = {ND_SOLICITATION, ND_ADVERTISEMENT};
static const uint32_t reports4[] = {0x12, 0x16, 0x17, 0x22}, reports6[] = {131, 132, 143}; /* and who leaves */
static const uint32_t router_solicitation[] = {133};

_Static_assert((int)JUMPS_MAX > CARD_ADDRESSES_MAX, "a card's addresses, and none");

static void drop_unless(struct prog *p, int comparison, uint32_t value)
{
    size_t well = prog_jump(p, comparison, value);
    prog_end(p, TC_ACT_SHOT);
    prog_land(p, well);
}

static void need_length(struct prog *p, unsigned bytes)
{
    prog_load_context(p, offsetof(struct __sk_buff, len));
    drop_unless(p, BPF_JGE, bytes);
}

static void drop_unless_in(struct prog *p, const uint32_t *values, size_t count)
{
    struct jumps found = {.count = 0};
    for (size_t i = 0; i < count; i++)
        found.at[found.count++] = prog_jump(p, BPF_JEQ, values[i]);
    prog_end(p, TC_ACT_SHOT);
    prog_land_all(p, &found);
}

static void send_if_in(struct prog *p, const struct card *card, const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t other = prog_jump(p, BPF_JNE, values[i]);
        prog_redirect(p, card->ifindex);
        prog_land(p, other);
    }
}

/* R0: some bits of two bytes. */
static void load_bits(struct prog *p, unsigned at, int mask)
{
    prog_load(p, BPF_H, at);
    prog_op(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, mask);
}

/* Jumps to prog_land_all, over the instructions between, if the address in the frame equals net where the mask has
 * ones. */
static void jump_if_like(struct prog *p, struct jumps *found, unsigned at, const uint8_t *net, const uint8_t *mask,
                         size_t bytes)
{
    size_t differs[4], words = 0;
    for (size_t i = 0; i < bytes; i += sizeof(uint32_t)) {
        uint32_t word, ones;
        memcpy(&word, net + i, sizeof(word));
        memcpy(&ones, mask + i, sizeof(ones));
        if (!ones)
            continue;
        prog_load(p, BPF_W, at + (unsigned)i);
        if (ones != UINT32_MAX)
            prog_op(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, (int32_t)ntohl(ones));
        differs[words++] = prog_jump(p, BPF_JNE, ntohl(word & ones));
    }
    found->at[found->count++] = prog_skip(p);
    for (size_t i = 0; i < words; i++)
        prog_land(p, differs[i]);
}

static void jump_if(struct prog *p, struct jumps *found, unsigned at, const uint8_t *address, size_t bytes)
{
    uint8_t whole[sizeof(struct in6_addr)];
    memset(whole, 0xff, sizeof(whole));
    jump_if_like(p, found, at, address, whole, bytes);
}

/* or_none also allows the unspecified address, which a sender uses while it looks for an address of its own, or checks
 * whether that is in use. */
static void drop_strangers(struct prog *p, const struct card *card, int family, unsigned at, bool or_none)
{
    static const uint8_t none[sizeof(struct in6_addr)];
    size_t bytes = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    struct jumps own = {.count = 0};
    for (size_t i = 0; i < card->address_count; i++)
        if (card->address[i].family == family)
            jump_if(p, &own, at, card->address[i].local.s6_addr, bytes);
    if (or_none)
        jump_if(p, &own, at, none, bytes);
    if (!own.count) { /* the kernel refuses unreachable instructions: a jump that is never made */
        prog_set(p, BPF_REG_0, 0);
        own.at[own.count++] = prog_jump(p, BPF_JNE, 0);
    }
    prog_end(p, TC_ACT_SHOT);
    prog_land_all(p, &own);
}

/* Here, the guest is on the container's own link, so it may reach link-local neighbours, except the metadata service of
 * OpenStack and Akamai. */
static void drop_forbidden(struct prog *p, int family, unsigned at)
{
    static const struct in6_addr on_link = {{{0xfe, 0x80, [12] = 0xa9, 0xfe, 0xa9, 0xfe}}};
    struct forbidden no[FORBIDDEN_MAX];
    size_t count = forbidden_list(no), bytes = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    for (size_t i = 0; i < count; i++) {
        struct jumps found = {.count = 0};
        if (no[i].family != family)
            continue;
        if (no[i].link)
            jump_if(p, &found, at, on_link.s6_addr, bytes);
        else
            jump_if_like(p, &found, at, no[i].net, no[i].mask, bytes);
        size_t apart = prog_skip(p);
        prog_land_all(p, &found);
        prog_end(p, TC_ACT_SHOT);
        prog_land(p, apart);
    }
}

static void check_arp(struct prog *p, const struct card *card)
{
    uint32_t high, low;
    memcpy(&high, card->mac, sizeof(high));
    memcpy(&low, card->mac + 2, sizeof(low));
    need_length(p, ARP_END);
    prog_load(p, BPF_W, ARP_KIND);
    drop_unless(p, BPF_JEQ, 1 << 16 | ETH_P_IP);
    prog_load(p, BPF_H, ARP_SIZES);
    drop_unless(p, BPF_JEQ, ETH_ALEN << 8 | sizeof(struct in_addr));
    prog_load(p, BPF_W, ARP_SENDER);
    drop_unless(p, BPF_JEQ, ntohl(high));
    prog_load(p, BPF_W, ARP_SENDER + 2);
    drop_unless(p, BPF_JEQ, ntohl(low));
    drop_strangers(p, card, AF_INET, ARP_SENDER_IP, true);
    prog_load(p, BPF_W, ARP_SENDER_IP);
    size_t own = prog_jump(p, BPF_JNE, 0);
    drop_strangers(p, card, AF_INET, ARP_TARGET_IP, false);
    prog_land(p, own);
    prog_redirect(p, card->ifindex);
}

/* Whole datagrams and segments, without options, to port 53.  The guest's other address is for these only. */
static void let_in_queries(struct prog *p, const struct takeover_relay *relay)
{
    struct jumps others = {.count = 0};
    prog_load_context(p, offsetof(struct __sk_buff, len));
    others.at[others.count++] = prog_jump(p, BPF_JLT, IP_END + 4);
    prog_load(p, BPF_W, IP_SOURCE);
    others.at[others.count++] = prog_jump(p, BPF_JNE, ntohl(relay->guest.s_addr));
    prog_load(p, BPF_W, IP_TO);
    others.at[others.count++] = prog_jump(p, BPF_JNE, ntohl(relay->relay.s_addr));
    prog_load(p, BPF_B, L3);
    others.at[others.count++] = prog_jump(p, BPF_JNE, 0x45);
    prog_load(p, BPF_H, IP_FRAGMENT);
    others.at[others.count++] = prog_jump(p, BPF_JSET, IS_FRAGMENT);
    prog_load(p, BPF_H, IP_END + 2);
    others.at[others.count++] = prog_jump(p, BPF_JNE, 53);
    prog_load(p, BPF_B, IP_PROTOCOL);
    size_t udp = prog_jump(p, BPF_JEQ, IPPROTO_UDP);
    others.at[others.count++] = prog_jump(p, BPF_JNE, IPPROTO_TCP);
    prog_land(p, udp);
    prog_end(p, TC_ACT_OK);
    prog_land_all(p, &others);
}

/* Multicast groups: a guest joins and leaves, but does not ask. */
static void check_igmp(struct prog *p, const struct card *card)
{
    need_length(p, IP_END + IGMP_OPTIONS + 8);
    load_bits(p, IP_FRAGMENT, IS_FRAGMENT);
    drop_unless(p, BPF_JEQ, 0);
    prog_load(p, BPF_B, L3);
    size_t without = prog_jump(p, BPF_JEQ, 0x45);
    drop_unless(p, BPF_JEQ, 0x45 + IGMP_OPTIONS / 4);
    prog_load(p, BPF_B, IP_END + IGMP_OPTIONS);
    size_t loaded = prog_skip(p);
    prog_land(p, without);
    prog_load(p, BPF_B, IP_END);
    prog_land(p, loaded);
    drop_unless_in(p, reports4, COUNT(reports4));
    prog_redirect(p, card->ifindex);
}

static void check_icmp(struct prog *p, const struct card *card)
{
    load_bits(p, IP_FRAGMENT, FRAGMENT_OFFSET);
    size_t first = prog_jump(p, BPF_JEQ, 0);
    prog_redirect(p, card->ifindex);
    prog_land(p, first);
    need_length(p, IP_END + 1);
    prog_load(p, BPF_B, IP_END);
    send_if_in(p, card, echo4, COUNT(echo4));
    drop_unless_in(p, errors4, COUNT(errors4));
    load_bits(p, IP_FRAGMENT, IS_FRAGMENT);
    drop_unless(p, BPF_JEQ, 0);
    need_length(p, IP_END + ICMP_QUOTED + IP_END - L3);
    drop_strangers(p, card, AF_INET, IP_END + ICMP_QUOTED + IP_TO - L3, false);
    prog_redirect(p, card->ifindex);
}

static void check_ip(struct prog *p, const struct card *card)
{
    need_length(p, IP_END);
    drop_strangers(p, card, AF_INET, IP_SOURCE, false);
    drop_forbidden(p, AF_INET, IP_TO);
    prog_load(p, BPF_B, IP_PROTOCOL);
    size_t other = prog_jump(p, BPF_JNE, IPPROTO_IGMP);
    check_igmp(p, card);
    prog_land(p, other);
    prog_load(p, BPF_B, L3);
    drop_unless(p, BPF_JEQ, 0x45); /* no options */
    prog_load(p, BPF_B, IP_PROTOCOL);
    other = prog_jump(p, BPF_JNE, IPPROTO_ICMP);
    check_icmp(p, card);
    prog_land(p, other);
    drop_unless_in(p, plain, COUNT(plain));
    prog_redirect(p, card->ifindex);
}

/* R0: the type.  A solicitation asks for somebody else's address, unless its source is the unspecified address (RFC
 * 4862, 5.4.2). */
static void check_discovery(struct prog *p, const struct card *card)
{
    struct jumps known = {.count = 0};
    size_t advertisement = prog_jump(p, BPF_JNE, ND_SOLICITATION);
    for (unsigned at = IP6_SOURCE; at < IP6_TO; at += 4) {
        prog_load(p, BPF_W, at);
        known.at[known.count++] = prog_jump(p, BPF_JNE, 0);
    }
    prog_land(p, advertisement);
    need_length(p, IP6_END + ND_END);
    drop_strangers(p, card, AF_INET6, IP6_END + ND_TARGET, false);
    prog_land_all(p, &known);
    prog_redirect(p, card->ifindex);
}

static void check_icmp6(struct prog *p, const struct card *card)
{
    need_length(p, IP6_END + 1);
    prog_load(p, BPF_B, IP6_END);
    send_if_in(p, card, echo6, COUNT(echo6));
    send_if_in(p, card, reports6, COUNT(reports6));
    send_if_in(p, card, router_solicitation, COUNT(router_solicitation));
    size_t error = prog_jump(p, BPF_JLE, ERROR6_LAST);
    drop_unless_in(p, discovery, COUNT(discovery));
    check_discovery(p, card);
    prog_land(p, error);
    need_length(p, IP6_END + ICMP_QUOTED + IP6_END - L3);
    drop_strangers(p, card, AF_INET6, IP6_END + ICMP_QUOTED + IP6_TO - L3, false);
    prog_redirect(p, card->ifindex);
}

static void check_hop_options(struct prog *p, const struct card *card)
{
    need_length(p, IP6_END + HOP_OPTIONS + 1);
    prog_load(p, BPF_H, IP6_END); /* next header; this one's length in units of 8 bytes, beyond the first */
    drop_unless(p, BPF_JEQ, IPPROTO_ICMPV6 << 8);
    prog_load(p, BPF_B, IP6_END + HOP_OPTIONS);
    drop_unless_in(p, reports6, COUNT(reports6));
    prog_redirect(p, card->ifindex);
}

static void check_fragment6(struct prog *p, const struct card *card)
{
    need_length(p, IP6_END + FRAGMENT_HEADER + 1);
    prog_load(p, BPF_B, IP6_END);
    send_if_in(p, card, plain, COUNT(plain));
    drop_unless(p, BPF_JEQ, IPPROTO_ICMPV6);
    load_bits(p, IP6_END + 2, FRAGMENT6_OFFSET);
    size_t first = prog_jump(p, BPF_JEQ, 0);
    prog_redirect(p, card->ifindex);
    prog_land(p, first);
    prog_load(p, BPF_B, IP6_END + FRAGMENT_HEADER);
    drop_unless_in(p, echo6, COUNT(echo6));
    prog_redirect(p, card->ifindex);
}

static void check_ip6(struct prog *p, const struct card *card)
{
    static const struct {
        uint32_t next;
        void (*check)(struct prog *p, const struct card *card);
    } table[] = {
        {IPPROTO_HOPOPTS, check_hop_options}, {IPPROTO_ICMPV6, check_icmp6}, {IPPROTO_FRAGMENT, check_fragment6}};
    need_length(p, IP6_END);
    drop_strangers(p, card, AF_INET6, IP6_SOURCE, true);
    drop_forbidden(p, AF_INET6, IP6_TO);
    prog_load(p, BPF_B, IP6_NEXT);
    for (size_t i = 0; i < COUNT(table); i++) {
        size_t other = prog_jump(p, BPF_JNE, table[i].next);
        table[i].check(p, card);
        prog_land(p, other);
    }
    drop_unless_in(p, plain, COUNT(plain));
    prog_redirect(p, card->ifindex);
}

/* The kernel removes a VLAN tag, even one of VLAN 0, from the frame before it runs this program. */
static void check_ethernet(struct prog *p, const struct card *card)
{
    uint32_t high;
    uint16_t low;
    memcpy(&high, card->mac, sizeof(high));
    memcpy(&low, card->mac + sizeof(high), sizeof(low));
    prog_load_context(p, offsetof(struct __sk_buff, vlan_present));
    drop_unless(p, BPF_JEQ, 0);
    need_length(p, ETH_HLEN);
    prog_load(p, BPF_W, ETH_SOURCE);
    drop_unless(p, BPF_JEQ, ntohl(high));
    prog_load(p, BPF_H, ETH_SOURCE + sizeof(high));
    drop_unless(p, BPF_JEQ, ntohs(low));
}

int tieprog_out(const struct card *card, const struct takeover_relay *relay, struct err *err)
{
    struct prog p = {.count = 0};
    prog_begin(&p);
    check_ethernet(&p, card);
    prog_load(&p, BPF_H, ETH_TYPE);
    size_t no_arp = prog_jump(&p, BPF_JNE, ETH_P_ARP);
    check_arp(&p, card);
    prog_land(&p, no_arp);
    size_t no_ip = prog_jump(&p, BPF_JNE, ETH_P_IP);
    if (relay)
        let_in_queries(&p, relay);
    check_ip(&p, card);
    prog_land(&p, no_ip);
    drop_unless(&p, BPF_JEQ, ETH_P_IPV6);
    check_ip6(&p, card);
    return prog_open(&p, err);
}
