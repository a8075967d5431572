#include "netsetup/card.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static const struct in6_addr none;

static bool is_set(const struct in6_addr *address)
{
    return memcmp(address, &none, sizeof(none)) != 0;
}

static void put(struct buf *out, const char *before, int family, const struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN];
    buf_fmt(out, "%s%s", before, inet_ntop(family, address, text, sizeof(text)));
}

static void put_scope(struct buf *out, uint8_t scope)
{
    if (scope == RT_SCOPE_LINK)
        buf_str(out, " scope link");
    else if (scope == RT_SCOPE_HOST)
        buf_str(out, " scope host");
}

void card_address_text(struct buf *out, const struct card_address *a)
{
    put(out, "", a->family, &a->local);
    if (memcmp(&a->local, &a->peer, sizeof(a->local)) != 0)
        put(out, " peer ", a->family, &a->peer);
    buf_fmt(out, "/%u", a->prefix);
    if (is_set(&a->broadcast))
        put(out, " broadcast ", a->family, &a->broadcast);
    put_scope(out, a->scope);
    if (a->flags & IFA_F_NOPREFIXROUTE)
        buf_str(out, " noprefixroute");
}

void card_route_text(struct buf *out, const struct card_route *r)
{
    put(out, "", r->family, &r->to); /* never "default", which does not tell the family */
    buf_fmt(out, "/%u", r->prefix);
    if (r->via_family)
        put(out, r->via_family == r->family ? " via " : " via inet6 ", r->via_family, &r->via);
    if (is_set(&r->src))
        put(out, " src ", r->family, &r->src);
    if (r->metric)
        buf_fmt(out, " metric %u", r->metric);
    if (r->mtu)
        buf_fmt(out, " mtu %u", r->mtu);
    if (r->family == AF_INET)
        put_scope(out, r->scope);
    if (r->onlink)
        buf_str(out, " onlink");
}
