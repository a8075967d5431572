/* A hostile guest's card: opens a TAP as Firecracker does, and sends frames that would make a trusting host remember
 * somebody, each with a sender of its own.
 *
 * flood KIND COUNT TAP TAP-MAC GUEST-MAC TAP-IP GUEST-IP TAP-IP6 GUEST-IP6
 *
 * The kinds are those of the table below; "kinds" as the only argument prints them.  It says when all are sent, and
 * lasts until it is killed: the kernel forgets a device's neighbours when nobody has the TAP open any more. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { VNET = 12, ARP = 28, IP4 = 20, IP6 = 40, FRAME = 256, ETH_LLDP = 0x88cc };

/* A frame on its way, behind the virtio header that the TAP wants. */
struct frame {
    uint8_t bytes[VNET + FRAME];
    size_t len;
};

/* Who is who, and the number of the frame, of which its sender is made. */
struct wire {
    uint8_t tap_mac[6], guest_mac[6];
    struct in_addr tap, guest;
    struct in6_addr tap6, guest6;
    uint32_t n;
};

static void add(struct frame *f, const void *data, size_t len)
{
    memcpy(f->bytes + VNET + f->len, data, len);
    f->len += len;
}

static void add16(struct frame *f, unsigned value)
{
    uint16_t v = htons((uint16_t)value);
    add(f, &v, sizeof(v));
}

static void ethernet(struct frame *f, const uint8_t *to, const uint8_t *from, unsigned type)
{
    add(f, to, 6);
    add(f, from, 6);
    add16(f, type);
}

static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};

/* Strangers: on the TAP's own /30 there is no room for any, so they are from all over. */
static struct in_addr stranger(const struct wire *w)
{
    return (struct in_addr){htonl(0x0a800000 + w->n * 7 + 5)};
}
static struct in6_addr stranger6(const struct wire *w, bool local)
{
    struct in6_addr a = local ? (struct in6_addr){.s6_addr = {0xfe, 0x80}} : w->tap6;
    uint32_t n = htonl(w->n + 0x1000);
    memcpy(a.s6_addr + 12, &n, sizeof(n));
    return a;
}

static void arp(struct frame *f, const struct wire *w, unsigned op, struct in_addr from, struct in_addr about)
{
    add16(f, 1);
    add16(f, ETH_P_IP);
    add16(f, 0x0604);
    add16(f, op);
    add(f, w->guest_mac, 6);
    add(f, &from, 4);
    add(f, op == 2 ? w->tap_mac : (const uint8_t[6]){0}, 6);
    add(f, &about, 4);
}

static uint16_t sum(const uint8_t *data, size_t len, uint32_t start)
{
    for (size_t i = 0; i < len; i++)
        start += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    while (start >> 16)
        start = (start & 0xffff) + (start >> 16);
    return htons((uint16_t)~start);
}

static void ip4(struct frame *f, unsigned proto, struct in_addr from, struct in_addr to, const void *data, size_t len)
{
    uint8_t head[IP4] = {0x45, 0, 0, (uint8_t)(IP4 + len), 0, 1, 0, 0, 64, (uint8_t)proto};
    memcpy(head + 12, &from, 4);
    memcpy(head + 16, &to, 4);
    uint16_t check = sum(head, sizeof(head), 0);
    memcpy(head + 10, &check, 2);
    add(f, head, sizeof(head));
    add(f, data, len);
}

/* data's checksum is at `at`, and zero so far. */
static void ip6(struct frame *f, unsigned next, struct in6_addr from, struct in6_addr to, uint8_t *data, size_t len,
                size_t at)
{
    uint8_t head[IP6] = {0x60, [5] = (uint8_t)len, (uint8_t)next, 255};
    memcpy(head + 8, &from, 16);
    memcpy(head + 24, &to, 16);
    uint32_t pseudo = (uint32_t)len + next;
    for (size_t i = 8; i < IP6; i++)
        pseudo += i % 2 ? head[i] : (uint32_t)head[i] << 8;
    uint16_t check = sum(data, len, pseudo);
    memcpy(data + at, &check, 2);
    add(f, head, sizeof(head));
    add(f, data, len);
}

/* Neighbour discovery: type, flags, a target where there is one, and the option with the link address. */
static void discovery(struct frame *f, const struct wire *w, uint8_t type, struct in6_addr from, struct in6_addr to,
                      const struct in6_addr *target)
{
    uint8_t m[64] = {type};
    size_t len = 8;
    if (type == 134) {
        m[4] = 64, m[7] = 30; /* a router for 30 s */
        len = 16;
    } else if (type == 136) {
        m[4] = 0x20; /* override */
    }
    if (target) {
        memcpy(m + len, target, 16);
        len += type == 137 ? 32 : 16;
    }
    m[len] = type == 136 || type == 137 ? 2 : 1;
    m[len + 1] = 1;
    memcpy(m + len + 2, w->guest_mac, 6);
    ethernet(f, w->tap_mac, w->guest_mac, ETH_P_IPV6);
    ip6(f, IPPROTO_ICMPV6, from, to, m, len + 8, 2);
}

static void echo6(struct frame *f, const struct wire *w, struct in6_addr from, struct in6_addr to)
{
    uint8_t m[8] = {128, 0, 0, 0, (uint8_t)(w->n >> 8), (uint8_t)w->n};
    ethernet(f, w->tap_mac, w->guest_mac, ETH_P_IPV6);
    ip6(f, IPPROTO_ICMPV6, from, to, m, sizeof(m), 2);
}

static void echo(struct frame *f, const struct wire *w, struct in_addr from, struct in_addr to)
{
    uint8_t m[8] = {8, 0, 0, 0, (uint8_t)(w->n >> 8), (uint8_t)w->n};
    uint16_t check = sum(m, sizeof(m), 0);
    memcpy(m + 2, &check, 2);
    ethernet(f, w->tap_mac, w->guest_mac, ETH_P_IP);
    ip4(f, IPPROTO_ICMP, from, to, m, sizeof(m));
}

static void arp_request(struct frame *f, const struct wire *w)
{
    ethernet(f, w->n % 2 ? everybody : w->tap_mac, w->guest_mac, ETH_P_ARP);
    arp(f, w, 1, stranger(w), w->tap);
}
static void arp_gratuitous(struct frame *f, const struct wire *w)
{
    ethernet(f, everybody, w->guest_mac, ETH_P_ARP);
    arp(f, w, 1 + w->n % 2, stranger(w), stranger(w));
}
static void arp_reply(struct frame *f, const struct wire *w)
{
    ethernet(f, w->tap_mac, w->guest_mac, ETH_P_ARP);
    arp(f, w, 2, stranger(w), w->tap);
}
static void arp_vlan(struct frame *f, const struct wire *w)
{
    ethernet(f, w->tap_mac, w->guest_mac, w->n % 2 ? ETH_P_8021Q : ETH_P_8021AD);
    add16(f, w->n % 4 ? 0 : 5); /* the VLAN 0 is no VLAN: the kernel takes the frame as if it had no tag */
    add16(f, ETH_P_ARP);
    arp(f, w, 1, stranger(w), w->tap);
}
static void solicitation(struct frame *f, const struct wire *w)
{
    discovery(f, w, 135, stranger6(w, w->n % 2), w->tap6, &w->tap6);
}
static void solicitation_own(struct frame *f, const struct wire *w)
{
    struct in6_addr target = stranger6(w, false);
    discovery(f, w, 135, w->guest6, w->tap6, &target);
}
static void advertisement(struct frame *f, const struct wire *w)
{
    struct in6_addr about = stranger6(w, w->n % 2);
    discovery(f, w, 136, about, w->tap6, &about);
}
static void router(struct frame *f, const struct wire *w)
{
    struct in6_addr all = {.s6_addr = {0xff, 2, [15] = w->n % 2 ? 1 : 2}};
    discovery(f, w, w->n % 2 ? 134 : 133, stranger6(w, true), all, NULL);
}
static void redirect(struct frame *f, const struct wire *w)
{
    struct in6_addr better = stranger6(w, true);
    discovery(f, w, 137, w->guest6, w->tap6, &better);
}
static void ping(struct frame *f, const struct wire *w)
{
    echo(f, w, stranger(w), w->tap);
}
static void ping6(struct frame *f, const struct wire *w)
{
    echo6(f, w, stranger6(w, w->n % 2), w->tap6);
}
static void ping6_own(struct frame *f, const struct wire *w) /* to others on the link: back where it came from */
{
    echo6(f, w, w->guest6, stranger6(w, false));
}
static void igmp(struct frame *f, const struct wire *w)
{
    uint8_t m[8] = {0x16, [4] = 224, 1, (uint8_t)(w->n >> 8), (uint8_t)w->n};
    uint16_t check = sum(m, sizeof(m), 0);
    memcpy(m + 2, &check, 2);
    ethernet(f, (const uint8_t[6]){1, 0, 0x5e, 1}, w->guest_mac, ETH_P_IP);
    ip4(f, IPPROTO_IGMP, w->n % 2 ? stranger(w) : w->guest, (struct in_addr){htonl(0xe0000002)}, m, sizeof(m));
}
static void mld(struct frame *f, const struct wire *w)
{
    uint8_t m[24] = {131, [8] = 0xff, 2, [22] = (uint8_t)(w->n >> 8), (uint8_t)w->n};
    ethernet(f, (const uint8_t[6]){0x33, 0x33, 0, 0, 0, 1}, w->guest_mac, ETH_P_IPV6);
    ip6(f, IPPROTO_ICMPV6, w->n % 2 ? stranger6(w, true) : w->guest6, (struct in6_addr){.s6_addr = {0xff, 2, [15] = 1}},
        m, sizeof(m), 2);
}
static void others(struct frame *f, const struct wire *w)
{
    static const uint16_t types[] = {ETH_LLDP, ETH_P_IPX, ETH_P_PAE, ETH_P_MPLS_UC, ETH_P_PPP_SES, ETH_P_RARP, 60, 0};
    uint8_t from[6] = {2, 1, 1, 1, (uint8_t)(w->n >> 8), (uint8_t)w->n}, rest[60] = {0x42, 0x42, 3};
    ethernet(f, w->n % 3 ? w->tap_mac : everybody, w->n % 2 ? from : w->guest_mac, types[w->n % 8]);
    add(f, rest, sizeof(rest));
}

static const struct kind {
    const char *name;
    void (*make)(struct frame *f, const struct wire *w);
} kinds[] = {
    {"arp-request", arp_request},
    {"arp-gratuitous", arp_gratuitous},
    {"arp-reply", arp_reply},
    {"arp-vlan", arp_vlan},
    {"solicitation", solicitation},
    {"solicitation-own", solicitation_own},
    {"advertisement", advertisement},
    {"router", router},
    {"redirect", redirect},
    {"ping", ping},
    {"ping6", ping6},
    {"ping6-own", ping6_own},
    {"igmp", igmp},
    {"mld", mld},
    {"others", others},
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int open_tap(const char *name)
{
    const int header = VNET;
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &header))
        die(name);
    return fd;
}

static void mac(uint8_t out[6], const char *text)
{
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", out, out + 1, out + 2, out + 3, out + 4, out + 5) != 6)
        die(text);
}

int main(int argc, char **argv)
{
    struct wire w = {.n = 0};
    if (argc == 2) {
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
            puts(kinds[i].name);
        return 0;
    }
    if (argc != 10 || inet_pton(AF_INET, argv[6], &w.tap) != 1 || inet_pton(AF_INET, argv[7], &w.guest) != 1 ||
        inet_pton(AF_INET6, argv[8], &w.tap6) != 1 || inet_pton(AF_INET6, argv[9], &w.guest6) != 1)
        return fprintf(stderr, "flood: see flood.c\n"), 2;
    mac(w.tap_mac, argv[4]);
    mac(w.guest_mac, argv[5]);
    int fd = open_tap(argv[3]);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        for (w.n = 0; !strcmp(kinds[i].name, argv[1]) && w.n < (uint32_t)atoi(argv[2]); w.n++) {
            struct frame f = {.len = 0};
            kinds[i].make(&f, &w);
            if (write(fd, f.bytes, VNET + f.len) < 0)
                die("write");
        }
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
