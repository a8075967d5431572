/* The other ends of the network tests.
 *
 * peer serve tcp|udp ADDRESS PORT TAG          answers everybody with "TAG <the client's address>", and prints it
 * peer serve-on DEVICE tcp|udp ...             the same, for packets that come in through that device
 * peer ask tcp|udp ADDRESS PORT [SOURCE]       prints the answer; exit 1 when none comes within a second
 * peer tell udp|icmp6 ADDRESS PORT [SOURCE]          the same without waiting for an answer
 * peer try tcp|udp ADDRESS PORT                prints what becomes of it within a second: "answer", or an error
 * peer sink ADDRESS PORT                       takes TCP connections, and keeps them
 * peer open ADDRESS PORT COUNT STEP            has COUNT connections, each to the address STEP behind the one before,
 *                                              and prints how many it got
 * peer scan ADDRESS PORT COUNT STEP            sends UDP to them, each from a port of its own
 * peer keep ADDRESS PORT                       has one, silently, and prints how it ends
 * peer wait ADDRESS PORT OWN-PORT              asks once over UDP from that port, prints the errors
 * peer nag ADDRESS PORT                        asks over UDP again and again on one socket, prints each answer
 * peer hold tcp|udp ADDRESS PORT               keeps a port taken
 * peer card TAP NETNS MAC NAME MTU             the VM: opens TAP as Firecracker does, and joins it to a network
 *                                              card NAME with that MAC in the namespace (a path)
 * All but ask and scan print a line once they are ready, and last until they are killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static socklen_t parse(const char *text, const char *port, union address *out)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)atoi(port));
        return sizeof(out->v4);
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) != 1)
        die(text);
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)atoi(port));
    return sizeof(out->v6);
}

static int open_socket(const union address *a, const char *proto)
{
    int type = !strcmp(proto, "icmp6") ? SOCK_RAW : !strcmp(proto, "udp") ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(a->any.sa_family, type | SOCK_CLOEXEC, type == SOCK_RAW ? IPPROTO_ICMPV6 : 0);
    const int one = 1;
    if (fd < 0 || (a->any.sa_family == AF_INET6 && type != SOCK_RAW &&
                   setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))))
        die("socket");
    return fd;
}

static void ready(void)
{
    puts("ready");
    fflush(stdout);
}

static int answer(char *line, size_t size, const char *tag, const union address *peer)
{
    char text[INET6_ADDRSTRLEN];
    const void *raw = peer->any.sa_family == AF_INET ? (const void *)&peer->v4.sin_addr : &peer->v6.sin6_addr;
    int n = snprintf(line, size, "%s %s\n", tag, inet_ntop(peer->any.sa_family, raw, text, sizeof(text)));
    fputs(line, stdout);
    fflush(stdout);
    return n;
}

static void serve(const char *dev, const char *proto, const char *addr, const char *port, const char *tag)
{
    union address a, peer;
    char line[256];
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, proto);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if ((dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev))) || bind(fd, &a.any, len) ||
        (strcmp(proto, "udp") && listen(fd, 64)))
        die("bind");
    ready();
    for (;;) {
        socklen_t n = sizeof(peer);
        if (!strcmp(proto, "udp")) {
            if (recvfrom(fd, line, sizeof(line), 0, &peer.any, &n) >= 0)
                (void)!sendto(fd, line, (size_t)answer(line, sizeof(line), tag, &peer), 0, &peer.any, n);
        } else {
            int c = accept(fd, &peer.any, &n);
            if (c >= 0) {
                (void)!write(c, line, (size_t)answer(line, sizeof(line), tag, &peer));
                close(c);
            }
        }
    }
}

static int ask(const char *proto, const char *addr, const char *port, const char *source, bool wait)
{
    union address a, s;
    char line[256];
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, proto);
    const struct timeval limit = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (source && bind(fd, &s.any, parse(source, "0", &s)))
        die("bind source");
    if (!strcmp(proto, "icmp6")) /* an echo request; raw sockets know no ports */
        a.v6.sin6_port = 0;
    if (connect(fd, &a.any, len) || (!strcmp(proto, "udp") && write(fd, "?", 1) != 1) ||
        (!strcmp(proto, "icmp6") && write(fd, "\x80\0\0\0\0\1\0\1", 8) != 8))
        return 1;
    ssize_t n = wait ? read(fd, line, sizeof(line)) : 0;
    if (n <= 0)
        return 1;
    return fwrite(line, 1, (size_t)n, stdout) != (size_t)n;
}

static void nag(const char *addr, const char *port)
{
    union address a;
    char line[256];
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, "udp");
    const struct timeval pause = {.tv_usec = 20000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof(pause));
    ready();
    for (;;) {
        (void)!sendto(fd, "?", 1, 0, &a.any, len);
        ssize_t n = recv(fd, line, sizeof(line), 0);
        if (n > 0)
            fwrite(line, 1, (size_t)n, stdout);
        fflush(stdout);
        usleep(10000);
    }
}

static void try(const char *proto, const char *addr, const char *port)
{
    union address a;
    char line[256];
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, proto);
    const struct timeval limit = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, &a.any, len) || (!strcmp(proto, "udp") && write(fd, "?", 1) != 1) ||
        read(fd, line, sizeof(line)) <= 0)
        puts(errno == EINPROGRESS || errno == EAGAIN ? "nothing" : strerror(errno));
    else
        puts("answer");
}

static void many_files(void)
{
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &most))
        die("setrlimit");
}

static void advance(union address *a, unsigned step)
{
    uint32_t *last = a->any.sa_family == AF_INET ? &a->v4.sin_addr.s_addr : &a->v6.sin6_addr.s6_addr32[3];
    *last = htonl(ntohl(*last) + step);
}

/* All of them wait at once for as long as any is answered within a second. */
static void open_many(const char *addr, const char *port, unsigned count, unsigned step)
{
    union address a;
    socklen_t len = parse(addr, port, &a);
    struct pollfd *all = calloc(count, sizeof(*all));
    unsigned got = 0;
    many_files();
    for (unsigned i = 0; i < count; i++, advance(&a, step)) {
        all[i] = (struct pollfd){.fd = open_socket(&a, "tcp"), .events = POLLOUT};
        fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
        (void)!connect(all[i].fd, &a.any, len);
        if (i % 32 == 0)
            usleep(1000); /* a card's queue has an end */
    }
    while (got < count && poll(all, count, 1500) > 0)
        for (unsigned i = 0; i < count; i++)
            if (all[i].revents) {
                got += !(all[i].revents & (POLLERR | POLLHUP));
                all[i].fd = ~all[i].fd; /* poll skips it */
                all[i].revents = 0;
            }
    printf("%u\n", got);
    fflush(stdout);
    pause();
}

static void scan(const char *addr, const char *port, unsigned count, unsigned step)
{
    union address a;
    socklen_t len = parse(addr, port, &a);
    for (unsigned i = 0; i < count; i++, advance(&a, step)) {
        int fd = open_socket(&a, "udp");
        (void)!sendto(fd, "?", 1, 0, &a.any, len);
        close(fd);
        if (i % 32 == 0)
            usleep(1000);
    }
}

static void sink(const char *addr, const char *port)
{
    union address a;
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, "tcp");
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, &a.any, len) || listen(fd, 4096))
        die("bind");
    many_files();
    ready();
    for (;;)
        accept(fd, NULL, NULL);
}

static void keep(const char *addr, const char *port)
{
    union address a;
    char c;
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, "tcp");
    if (connect(fd, &a.any, len))
        die("connect");
    ready();
    puts(read(fd, &c, 1) < 0 ? strerror(errno) : "end");
}

static void wait_udp(const char *addr, const char *port, const char *own)
{
    union address a, s;
    char c;
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, "udp");
    if (bind(fd, &s.any, parse(strchr(addr, ':') ? "::" : "0.0.0.0", own, &s)) || connect(fd, &a.any, len) ||
        write(fd, "?", 1) != 1)
        die("ask");
    ready();
    while (read(fd, &c, 1) < 0) {
        puts(strerror(errno));
        fflush(stdout);
    }
}

static void hold(const char *proto, const char *addr, const char *port)
{
    union address a;
    socklen_t len = parse(addr, port, &a);
    int fd = open_socket(&a, proto);
    if (bind(fd, &a.any, len) || (strcmp(proto, "udp") && listen(fd, 1)))
        die("bind");
    ready();
    pause();
}

static int open_tap(const char *name, short flags)
{
    const int header = 12;
    struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags)};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &header) ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
        die(name);
    return fd;
}

static void set_card(const char *name, const char *mac, int mtu)
{
    struct ifreq ifr = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};
    unsigned char *b = (unsigned char *)ifr.ifr_hwaddr.sa_data;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6 ||
        ioctl(s, SIOCSIFHWADDR, &ifr))
        die(mac);
    ifr.ifr_mtu = mtu;
    if (ioctl(s, SIOCSIFMTU, &ifr))
        die("mtu");
    close(s);
}

static void copy(int from, int to)
{
    static char frame[65536 + 64];
    ssize_t n;
    while ((n = read(from, frame, sizeof(frame))) > 0)
        (void)!write(to, frame, (size_t)n); /* lost while the other end is down */
}

static void card(const char *tap, const char *netns, const char *mac, const char *name, const char *mtu)
{
    int host = open_tap(tap, 0), ns = open(netns, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET))
        die(netns);
    int guest = open_tap(name, 0);
    set_card(name, mac, atoi(mtu));
    struct pollfd both[2] = {{.fd = host, .events = POLLIN}, {.fd = guest, .events = POLLIN}};
    ready();
    while (poll(both, 2, -1) >= 0) {
        copy(host, guest);
        copy(guest, host);
        if ((both[0].revents | both[1].revents) & POLLERR)
            exit(0); /* the TAP was removed */
    }
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc == 6 && !strcmp(argv[1], "serve"))
        serve(NULL, argv[2], argv[3], argv[4], argv[5]);
    if (argc == 7 && !strcmp(argv[1], "serve-on"))
        serve(argv[2], argv[3], argv[4], argv[5], argv[6]);
    if ((argc == 5 || argc == 6) && !strcmp(argv[1], "ask"))
        return ask(argv[2], argv[3], argv[4], argv[5], true);
    if ((argc == 5 || argc == 6) && !strcmp(argv[1], "tell"))
        return ask(argv[2], argv[3], argv[4], argv[5], false);
    if (argc == 4 && !strcmp(argv[1], "nag"))
        nag(argv[2], argv[3]);
    if (argc == 5 && !strcmp(argv[1], "try"))
        return try(argv[2], argv[3], argv[4]), 0;
    if (argc == 4 && !strcmp(argv[1], "sink"))
        sink(argv[2], argv[3]);
    if (argc == 6 && !strcmp(argv[1], "open"))
        open_many(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]));
    if (argc == 6 && !strcmp(argv[1], "scan"))
        return scan(argv[2], argv[3], (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5])), 0;
    if (argc == 4 && !strcmp(argv[1], "keep"))
        return keep(argv[2], argv[3]), 0;
    if (argc == 5 && !strcmp(argv[1], "wait"))
        return wait_udp(argv[2], argv[3], argv[4]), 0;
    if (argc == 5 && !strcmp(argv[1], "hold"))
        hold(argv[2], argv[3], argv[4]);
    if (argc == 7 && !strcmp(argv[1], "card"))
        card(argv[2], argv[3], argv[4], argv[5], argv[6]);
    fputs("peer serve|ask|hold|card ...: see peer.c\n", stderr);
    return 2;
}
