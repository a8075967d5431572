#include "entry/life/netjson.h"

#include <arpa/inet.h>

/* As VM_PORTS has them. */
static void fill_ports(struct json *j, const struct net_ports *ports)
{
    json_open(j, "ports", '[');
    if (ports && ports->all)
        json_string(j, NULL, NET_PORTS_ALL);
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

void netjson_fill(struct json *j, const struct net_link *link, const struct takeover *taken,
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
