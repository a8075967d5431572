#include "netsetup/foreign.h"
#include "common/log.h"
#include "netsetup/nl.h"
#include "netsetup/rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

enum { CHAINS_MAX = 8, NAME = 64 };

/* A base chain of another program. */
struct base_chain {
    uint8_t family;
    uint32_t hook;
    char table[NAME], name[NAME];
    bool refuses;  /* by its policy or its last rule */
    bool knows_us; /* its table has a rule about our TAP */
};

struct chains {
    const struct net_link *link;
    struct base_chain list[CHAINS_MAX];
    size_t count;
};

/* The names of iptables' own chains are in capitals, in whatever table. */
static int see_chain(const struct nlmsghdr *nlh, void *data)
{
    const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *a[NFTA_CHAIN_MAX + 1] = {NULL};
    struct chains *chains = data;
    mnl_attr_parse(nlh, sizeof(*nfg), nl_sort_attr, &(struct nl_attrs){a, NFTA_CHAIN_MAX});
    NL_NEST(hook, a[NFTA_CHAIN_HOOK], NFTA_HOOK_MAX);
    const char *name = nl_str(a[NFTA_CHAIN_NAME]), *table = nl_str(a[NFTA_CHAIN_TABLE]);
    bool family =
        nfg->nfgen_family == NFPROTO_INET || nfg->nfgen_family == NFPROTO_IPV4 || nfg->nfgen_family == NFPROTO_IPV6;
    if (!family || !hook[NFTA_HOOK_HOOKNUM] || strcmp(nl_str(a[NFTA_CHAIN_TYPE]), "filter") != 0 ||
        isupper((unsigned char)name[0]) || chains->count == CHAINS_MAX)
        return MNL_CB_OK;
    struct base_chain *c = &chains->list[chains->count++];
    *c = (struct base_chain){.family = nfg->nfgen_family, .hook = ntohl(mnl_attr_get_u32(hook[NFTA_HOOK_HOOKNUM]))};
    snprintf(c->table, sizeof(c->table), "%s", table);
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->refuses = a[NFTA_CHAIN_POLICY] && ntohl(mnl_attr_get_u32(a[NFTA_CHAIN_POLICY])) == NF_DROP;
    return MNL_CB_OK;
}

/* Whether an expression, by itself, refuses a packet.  *other is set if it is a condition instead. */
static bool refuses(const struct nlattr *const e[], bool *other)
{
    const char *name = nl_str(e[NFTA_EXPR_NAME]);
    if (strcmp(name, "reject") == 0)
        return true;
    if (strcmp(name, "immediate") == 0) {
        NL_NEST(imm, e[NFTA_EXPR_DATA], NFTA_IMMEDIATE_MAX);
        NL_NEST(value, imm[NFTA_IMMEDIATE_DATA], NFTA_DATA_MAX);
        NL_NEST(verdict, value[NFTA_DATA_VERDICT], NFTA_VERDICT_MAX);
        return verdict[NFTA_VERDICT_CODE] && ntohl(mnl_attr_get_u32(verdict[NFTA_VERDICT_CODE])) == NF_DROP;
    }
    *other |= strcmp(name, "counter") != 0 && strcmp(name, "log") != 0;
    return false;
}

/* Which device's property a `meta` loads: NFT_META_*, or -1. */
static int loads(const struct nlattr *const e[])
{
    if (strcmp(nl_str(e[NFTA_EXPR_NAME]), "meta") != 0)
        return -1;
    NL_NEST(meta, e[NFTA_EXPR_DATA], NFTA_META_MAX);
    return meta[NFTA_META_KEY] ? (int)ntohl(mnl_attr_get_u32(meta[NFTA_META_KEY])) : -1;
}

/* Whether a `cmp` after such a load compares with our TAP: its name, the start of that (ctr*), or its group. */
static bool means_us(const struct nlattr *const e[], int loaded, const struct net_link *link)
{
    char name[IFNAMSIZ] = "";
    uint32_t group = RULES_GROUP;
    if (loaded < 0 || strcmp(nl_str(e[NFTA_EXPR_NAME]), "cmp") != 0)
        return false;
    NL_NEST(cmp, e[NFTA_EXPR_DATA], NFTA_CMP_MAX);
    NL_NEST(value, cmp[NFTA_CMP_DATA], NFTA_DATA_MAX);
    const struct nlattr *v = value[NFTA_DATA_VALUE];
    size_t len = v ? mnl_attr_get_payload_len(v) : 0;
    snprintf(name, sizeof(name), "%s", link->tap);
    if (loaded == NFT_META_IIFNAME || loaded == NFT_META_OIFNAME)
        return len && len <= sizeof(name) && memcmp(mnl_attr_get_payload(v), name, len) == 0;
    return (loaded == NFT_META_IIFGROUP || loaded == NFT_META_OIFGROUP) && len == sizeof(group) &&
           memcmp(mnl_attr_get_payload(v), &group, len) == 0;
}

static void see_expressions(const struct nlattr *list, const struct net_link *link, bool *final, bool *knows_us)
{
    const struct nlattr *expr;
    bool refusal = false, other = false;
    int loaded = -1;
    mnl_attr_for_each_nested(expr, list)
    {
        NL_NEST(e, expr, NFTA_EXPR_MAX);
        *knows_us |= means_us(e, loaded, link);
        loaded = loads(e);
        refusal |= refuses(e, &other);
    }
    *final = refusal && !other;
}

static int see_rule(const struct nlmsghdr *nlh, void *data)
{
    const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *a[NFTA_RULE_MAX + 1] = {NULL};
    struct chains *chains = data;
    bool final = false, knows_us = false;
    mnl_attr_parse(nlh, sizeof(*nfg), nl_sort_attr, &(struct nl_attrs){a, NFTA_RULE_MAX});
    if (a[NFTA_RULE_EXPRESSIONS])
        see_expressions(a[NFTA_RULE_EXPRESSIONS], chains->link, &final, &knows_us);
    for (struct base_chain *c = chains->list; c < chains->list + chains->count; c++) {
        if (c->family != nfg->nfgen_family || strcmp(c->table, nl_str(a[NFTA_RULE_TABLE])) != 0)
            continue;
        c->knows_us |= knows_us;
        c->refuses |= final && strcmp(c->name, nl_str(a[NFTA_RULE_CHAIN])) == 0;
    }
    return MNL_CB_OK;
}

static void forget_chains(void *chains)
{
    ((struct chains *)chains)->count = 0;
}

static int dump(struct chains *chains, uint16_t type, mnl_cb_t cb, void (*forget)(void *chains))
{
    char buf[NL_BUF];
    struct nfgenmsg *nfg; /* of all families */
    struct nlmsghdr *nlh =
        nl_request(buf, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), NLM_F_DUMP, sizeof(*nfg), &nfg);
    return nl_dump(NETLINK_NETFILTER, nlh, cb, forget, chains);
}

void foreign_warn(const struct net_plan *plan, const struct net_link *link)
{
    struct chains chains = {.link = link};
    if (dump(&chains, NFT_MSG_GETCHAIN, see_chain, forget_chains) < 0 || !chains.count ||
        dump(&chains, NFT_MSG_GETRULE, see_rule, NULL) < 0)
        return; /* no nf_tables: nobody has chains there */
    for (size_t i = 0; i < chains.count; i++) {
        const struct base_chain *c = &chains.list[i];
        bool input = c->hook == NF_INET_LOCAL_IN && (plan->host_access || link->dns_port);
        if (c->refuses && !c->knows_us && (input || c->hook == NF_INET_FORWARD))
            log_warn(
                "the nftables chain %s of table %s drops everything that it does not accept, which may keep the guest "
                "from %s: let it accept iifgroup %#x%s",
                c->name, c->table, input ? "this host's resolver and services" : "the network", RULES_GROUP,
                input ? "" : ", and the same oifgroup");
    }
}
