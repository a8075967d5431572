#include "entry/life/state.h"

#include "common/mac.h"
#include "entry/life/status.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

/* As VM_PORTS has them. */
static void fill_ports(struct json *j, const struct net_ports *ports)
{
    json_open(j, "ports", '[');
    for (size_t i = 0; ports && i < ports->count; i++) {
        const struct net_port *p = &ports->list[i];
        cleanup_buf struct buf text = {0};
        char address[INET_ADDRSTRLEN];
        if (p->host_addr.s_addr)
            buf_fmt(&text, "%s:", inet_ntop(AF_INET, &p->host_addr, address, sizeof(address)));
        buf_fmt(&text, "%u", p->host_port);
        if (p->count > 1)
            buf_fmt(&text, "-%u", p->host_port + p->count - 1);
        buf_fmt(&text, ":%u", p->guest_port);
        if (p->count > 1)
            buf_fmt(&text, "-%u", p->guest_port + p->count - 1);
        buf_str(&text, p->udp ? "/udp" : "/tcp");
        json_string(j, NULL, text.data ? text.data : "");
    }
    json_close(j, ']');
}

static void fill_taken(struct json *j, const struct takeover *taken)
{
    char text[INET6_ADDRSTRLEN];
    size_t count;
    const struct card_address *v4 = takeover_address(taken, AF_INET), *v6 = takeover_address(taken, AF_INET6);
    json_string(j, "address", v4 ? inet_ntop(AF_INET, &v4->local, text, sizeof(text)) : NULL);
    json_string(j, "address6", v6 ? inet_ntop(AF_INET6, &v6->local, text, sizeof(text)) : NULL);
    json_string(j, "tap", takeover_cards(taken, &count)[0].tap);
}

void state_network(struct json *j, const struct net_link *link, const struct takeover *taken,
                   const struct net_ports *ports)
{
    if (taken) {
        fill_taken(j, taken);
        fill_ports(j, NULL);
        return;
    }
    char text[INET6_ADDRSTRLEN];
    const struct net_link *l = link;
    json_string(j, "address", l ? inet_ntop(AF_INET, &l->guest_addr, text, sizeof(text)) : NULL);
    json_string(j, "address6", l && l->ipv6 ? inet_ntop(AF_INET6, &l->guest_addr6, text, sizeof(text)) : NULL);
    json_string(j, "tap", l ? l->tap : NULL);
    fill_ports(j, ports);
}

/* The parameters of the guest's first interface, besides its address: the MAC address, and without takeover the prefix
 * and the gateway. */
static void fill_interface(struct json *j, const struct state *s)
{
    char text[INET_ADDRSTRLEN], mac[MAC_TEXT];
    size_t count;
    if (s->taken) {
        const struct card_address *v4 = takeover_address(s->taken, AF_INET);
        json_string(j, "mac", mac_text(takeover_cards(s->taken, &count)[0].card.mac, mac));
        if (v4)
            json_number(j, "prefix", v4->prefix);
    } else if (s->link) {
        json_string(j, "mac", mac_text(s->link->guest_mac, mac));
        json_number(j, "prefix", NET_PREFIX);
        json_string(j, "gateway", inet_ntop(AF_INET, &s->link->tap_addr, text, sizeof(text)));
    }
}

void state_fill(const struct state *s, struct buf *out)
{
    struct json j = {.out = out};
    struct stat netns = {0};
    struct status_process firecracker = STATUS_PROCESS_NONE;
    if (s->jail)
        firecracker = status_firecracker(s->jail);
    (void)stat("/proc/self/ns/net", &netns);
    json_open(&j, NULL, '{');
    json_string(&j, "id", s->id);
    json_open(&j, "pids", '{');
    json_number(&j, "entry", (uint64_t)getpid());
    if (firecracker.pid > 0)
        json_number(&j, "firecracker", (uint64_t)firecracker.pid);
    json_close(&j, '}');
    json_number(&j, "uid", s->uid);
    json_number(&j, "started", s->started);
    json_number(&j, "netns", netns.st_ino);
    json_string(&j, "image", s->image);
    json_string(&j, "network", s->network);
    state_network(&j, s->link, s->taken, s->ports);
    fill_interface(&j, s);
    json_close(&j, '}');
    buf_str(out, "\n");
    if (firecracker.stat >= 0)
        close(firecracker.stat);
    if (firecracker.status >= 0)
        close(firecracker.status);
}
