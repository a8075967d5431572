/* The VM_PORTS option: a list of published ports. */
#include "netsetup/ports.h"
#include "common/cleanup.h"
#include "common/num.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_MAX = 128 };

static const char blanks[] = " \t\n"; /* around a comma; and after the last item, as YAML may have it */

void net_ports_free(struct net_ports *ports)
{
    free(ports->list);
    *ports = (struct net_ports){0};
}

/* `80` or `2000-2010`.  The reason if it is invalid, else NULL. */
static const char *parse_range(char *text, uint16_t *first, uint16_t *count)
{
    uint64_t low, high;
    char *dash = strchr(text, '-');
    if (dash)
        *dash++ = '\0';
    if (num_parse(text, 1, 65535, &low) < 0 || num_parse(dash ? dash : text, 1, 65535, &high) < 0)
        return "a port is a number from 1 to 65535";
    if (high < low)
        return "a range must be ascending";
    *first = (uint16_t)low;
    *count = (uint16_t)(high - low + 1);
    return NULL;
}

/* Cuts `text` at its last `at` and returns the part after it, or NULL if there is none. */
static char *cut(char *text, char at)
{
    char *p = strrchr(text, at);
    if (p)
        *p++ = '\0';
    return p;
}

/* Parses one item; the text is cut up.  The reason if it is invalid, else NULL. */
static const char *parse_item(char *text, struct net_port *port)
{
    uint16_t guest_count;
    const char *why;
    *port = (struct net_port){0};
    char *proto = cut(text, '/');
    if (proto && strcasecmp(proto, "tcp") != 0 && strcasecmp(proto, "udp") != 0)
        return "the protocol must be tcp or udp";
    port->udp = proto && strcasecmp(proto, "udp") == 0;
    char *guest = cut(text, ':'), *host = guest ? cut(text, ':') : NULL;
    if (host && inet_pton(AF_INET, text, &port->host_addr) != 1)
        return "the address must be IPv4, such as 127.0.0.1";
    if (!host)
        host = text;
    if ((why = parse_range(host, &port->host_port, &port->count)))
        return why;
    if (!guest) {
        port->guest_port = port->host_port;
        return NULL;
    }
    if ((why = parse_range(guest, &port->guest_port, &guest_count)))
        return why;
    return guest_count == port->count ? NULL : "both ranges must have the same length";
}

static bool clash(const struct net_port *a, const struct net_port *b)
{
    bool addr = !a->host_addr.s_addr || !b->host_addr.s_addr || a->host_addr.s_addr == b->host_addr.s_addr;
    return addr && a->udp == b->udp && a->host_port < b->host_port + b->count && b->host_port < a->host_port + a->count;
}

static const char *add_port(struct net_ports *ports, const struct net_port *port)
{
    for (size_t i = 0; i < ports->count; i++)
        if (clash(&ports->list[i], port))
            return "the port is published twice";
    struct net_port *grown = reallocarray(ports->list, ports->count + 1, sizeof(*grown));
    if (!grown)
        return "out of memory";
    ports->list = grown;
    ports->list[ports->count++] = *port;
    return NULL;
}

static bool is_all(const char *text)
{
    const size_t len = strlen(NET_PORTS_ALL);
    text += strspn(text, blanks);
    return strncmp(text, NET_PORTS_ALL, len) == 0 && !text[len + strspn(text + len, blanks)];
}

int net_ports_parse(const char *name, const char *text, struct net_ports *ports, struct err *err)
{
    *ports = (struct net_ports){.all = is_all(text)};
    while (*text && !ports->all) {
        text += strspn(text, blanks);
        char item[ITEM_MAX];
        struct net_port port;
        size_t len = strcspn(text, ",");
        const char *why = len < sizeof(item) ? NULL : "too long";
        if (!why) {
            memcpy(item, text, len);
            item[len] = '\0';
            for (size_t end = len; end > 0 && strchr(blanks, item[end - 1]);)
                item[--end] = '\0';
            why = parse_item(item, &port);
        }
        if (!why)
            why = add_port(ports, &port);
        if (!why && text[len] && !text[len + 1])
            why = "an entry is missing after the last comma";
        if (why) {
            net_ports_free(ports);
            err_set(err, "%s: cannot publish '%.*s': %s", name, (int)(len < 200 ? len : 200), text, why);
            err_hint(err, "such as 80, 8080:80, 127.0.0.1:5353:53/udp or 2000-2010:2000-2010; or all, alone");
            return -1;
        }
        text += len + (text[len] == ',');
    }
    return 0;
}
