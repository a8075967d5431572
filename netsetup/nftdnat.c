/* Reads the parts of an iptables-nft rule that tell which ports it takes: -p, -d, --dport and the target. */
#include "netsetup/fwscan.h"
#include "netsetup/nft.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

enum what { NOTHING, PROTO, ADDRESS, PORT };
enum { IP_DADDR = 16, L4_DPORT = 2 }; /* offsets in the headers of IPv4, and of TCP and UDP */

static uint32_t number_of(const struct nlattr *attr)
{
    return attr ? ntohl(mnl_attr_get_u32(attr)) : UINT32_MAX;
}

/* What an expression loads for the next one to compare. */
static enum what loads(const char *name, const struct nlattr *data)
{
    if (strcmp(name, "meta") == 0) {
        NL_NEST(m, data, NFTA_META_MAX);
        return number_of(m[NFTA_META_KEY]) == NFT_META_L4PROTO ? PROTO : NOTHING;
    }
    if (strcmp(name, "payload") != 0)
        return NOTHING;
    NL_NEST(p, data, NFTA_PAYLOAD_MAX);
    uint32_t base = number_of(p[NFTA_PAYLOAD_BASE]), at = number_of(p[NFTA_PAYLOAD_OFFSET]),
             len = number_of(p[NFTA_PAYLOAD_LEN]);
    if (base == NFT_PAYLOAD_NETWORK_HEADER && at == IP_DADDR && len == sizeof(struct in_addr))
        return ADDRESS;
    return base == NFT_PAYLOAD_TRANSPORT_HEADER && at == L4_DPORT && len == sizeof(uint16_t) ? PORT : NOTHING;
}

/* The bytes of a comparison's operand; false when there are not exactly len. */
static bool value(const struct nlattr *attr, void *out, size_t len)
{
    NL_NEST(v, attr, NFTA_DATA_MAX);
    if (!v[NFTA_DATA_VALUE] || mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]) != len)
        return false;
    memcpy(out, mnl_attr_get_payload(v[NFTA_DATA_VALUE]), len);
    return true;
}

static void compare(const struct nlattr *data, enum what loaded, struct fw_dnat *dnat)
{
    uint16_t port;
    NL_NEST(c, data, NFTA_CMP_MAX);
    if (number_of(c[NFTA_CMP_OP]) != NFT_CMP_EQ)
        return;
    if (loaded == PROTO)
        value(c[NFTA_CMP_DATA], &dnat->proto, sizeof(dnat->proto));
    else if (loaded == ADDRESS)
        value(c[NFTA_CMP_DATA], &dnat->addr, sizeof(dnat->addr));
    else if (loaded == PORT && value(c[NFTA_CMP_DATA], &port, sizeof(port)))
        dnat->first = dnat->last = ntohs(port);
}

static void range(const struct nlattr *data, struct fw_dnat *dnat)
{
    uint16_t first, last;
    NL_NEST(r, data, NFTA_RANGE_MAX);
    if (number_of(r[NFTA_RANGE_OP]) == NFT_RANGE_EQ && value(r[NFTA_RANGE_FROM_DATA], &first, sizeof(first)) &&
        value(r[NFTA_RANGE_TO_DATA], &last, sizeof(last))) {
        dnat->first = ntohs(first);
        dnat->last = ntohs(last);
    }
}

/* Older versions leave ports to the match of iptables; struct xt_udp begins as struct xt_tcp does. */
static void match(const struct nlattr *data, struct fw_dnat *dnat)
{
    struct xt_udp ports;
    NL_NEST(m, data, NFTA_MATCH_MAX);
    const char *name = nl_str(m[NFTA_MATCH_NAME]);
    if ((strcmp(name, "tcp") != 0 && strcmp(name, "udp") != 0) || !m[NFTA_MATCH_INFO] ||
        mnl_attr_get_payload_len(m[NFTA_MATCH_INFO]) < sizeof(ports))
        return;
    memcpy(&ports, mnl_attr_get_payload(m[NFTA_MATCH_INFO]), sizeof(ports));
    dnat->first = ports.dpts[0];
    dnat->last = ports.dpts[1];
}

bool nft_dnat(const struct nlattr *expressions, struct fw_dnat *dnat)
{
    const struct nlattr *expr;
    enum what loaded = NOTHING;
    bool target = false;
    mnl_attr_for_each_nested(expr, expressions)
    {
        NL_NEST(e, expr, NFTA_EXPR_MAX);
        const char *name = nl_str(e[NFTA_EXPR_NAME]);
        const struct nlattr *data = e[NFTA_EXPR_DATA];
        if (strcmp(name, "cmp") == 0)
            compare(data, loaded, dnat);
        else if (strcmp(name, "range") == 0 && loaded == PORT)
            range(data, dnat);
        else if (strcmp(name, "match") == 0)
            match(data, dnat);
        else if (strcmp(name, "target") == 0) {
            NL_NEST(t, data, NFTA_TARGET_MAX);
            target |= fw_takes_ports(nl_str(t[NFTA_TARGET_NAME]));
        }
        loaded = loads(name, data);
    }
    return target;
}
