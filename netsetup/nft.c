/* iptables-nft's rules, read and removed over nf_tables' netlink (linux/netfilter/nf_tables.h).
 *
 * Removal names rules by the kernel's handle, so nothing but what the scan saw can go, and all tables go in
 * one transaction.  iptables-restore makes one for each table, and the kernel makes every transaction that
 * follows a removal wait for a grace period: 60 ms for four tables instead of 1. */
#include "netsetup/nft.h"
#include "netsetup/fwscan.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MAX_TABLES = 5, UDATA_COMMENT = 0, COMMENT_MAX = 256 };

static uint8_t nf_family(const struct fw_scan *scan)
{
    return scan->family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* iptables has tables of these names only; others belong to somebody's own ruleset. */
static bool is_iptables(const char *table)
{
    static const char *const names[MAX_TABLES] = {"raw", "mangle", "nat", "filter", "security"};
    for (size_t i = 0; i < MAX_TABLES; i++)
        if (strcmp(table, names[i]) == 0)
            return true;
    return false;
}

static int see_chain(const struct nlmsghdr *nlh, void *data)
{
    const struct nlattr *a[NFTA_CHAIN_MAX + 1] = {NULL};
    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), nl_sort_attr, &(struct nl_attrs){a, NFTA_CHAIN_MAX});
    bool drop = a[NFTA_CHAIN_POLICY] && ntohl(mnl_attr_get_u32(a[NFTA_CHAIN_POLICY])) == NF_DROP;
    if (is_iptables(nl_str(a[NFTA_CHAIN_TABLE])))
        fw_see_chain(data, nl_str(a[NFTA_CHAIN_TABLE]), nl_str(a[NFTA_CHAIN_NAME]), drop);
    return MNL_CB_OK;
}

/* The parts of a rule's expressions that matter here. */
struct gist {
    char comment[COMMENT_MAX + 1];
    const char *jump;
    bool leaves; /* the next comparison is with the name of the device that a packet leaves by */
    char out[IFNAMSIZ];
};

static void see_match(const struct nlattr *expr, struct gist *g)
{
    NL_NEST(m, expr, NFTA_MATCH_MAX);
    if (!m[NFTA_MATCH_INFO] || strcmp(nl_str(m[NFTA_MATCH_NAME]), "comment") != 0)
        return;
    size_t len = mnl_attr_get_payload_len(m[NFTA_MATCH_INFO]);
    memcpy(g->comment, mnl_attr_get_payload(m[NFTA_MATCH_INFO]), len < COMMENT_MAX ? len : COMMENT_MAX);
}

static void see_verdict(const struct nlattr *expr, struct gist *g)
{
    NL_NEST(imm, expr, NFTA_IMMEDIATE_MAX);
    NL_NEST(value, imm[NFTA_IMMEDIATE_DATA], NFTA_DATA_MAX);
    NL_NEST(verdict, value[NFTA_DATA_VERDICT], NFTA_VERDICT_MAX);
    if (verdict[NFTA_VERDICT_CHAIN])
        g->jump = mnl_attr_get_str(verdict[NFTA_VERDICT_CHAIN]);
}

static void see_meta(const struct nlattr *expr, struct gist *g)
{
    NL_NEST(m, expr, NFTA_META_MAX);
    g->leaves = m[NFTA_META_KEY] && ntohl(mnl_attr_get_u32(m[NFTA_META_KEY])) == NFT_META_OIFNAME;
}

/* A whole name is compared with its NUL. */
static void see_comparison(const struct nlattr *expr, struct gist *g)
{
    NL_NEST(c, expr, NFTA_CMP_MAX);
    NL_NEST(data, c[NFTA_CMP_DATA], NFTA_DATA_MAX);
    const struct nlattr *value = data[NFTA_DATA_VALUE];
    size_t len = value ? mnl_attr_get_payload_len(value) : 0;
    if (g->leaves && len && len <= sizeof(g->out) && ((const char *)mnl_attr_get_payload(value))[len - 1] == '\0' &&
        c[NFTA_CMP_OP] && ntohl(mnl_attr_get_u32(c[NFTA_CMP_OP])) == NFT_CMP_EQ)
        memcpy(g->out, mnl_attr_get_payload(value), len);
    g->leaves = false;
}

/* Newer versions keep the comment beside the expressions: type, length, text. */
static void see_userdata(const struct nlattr *attr, struct gist *g)
{
    const uint8_t *p = mnl_attr_get_payload(attr), *end = p + mnl_attr_get_payload_len(attr);
    for (; end - p >= 2 && end - p - 2 >= p[1]; p += 2 + p[1])
        if (p[0] == UDATA_COMMENT)
            memcpy(g->comment, p + 2, p[1]);
}

static int see_rule(const struct nlmsghdr *nlh, void *data)
{
    struct gist g = {.jump = NULL};
    const struct nlattr *a[NFTA_RULE_MAX + 1] = {NULL}, *expr;
    mnl_attr_parse(nlh, sizeof(struct nfgenmsg), nl_sort_attr, &(struct nl_attrs){a, NFTA_RULE_MAX});
    if (!is_iptables(nl_str(a[NFTA_RULE_TABLE])))
        return MNL_CB_OK;
    if (a[NFTA_RULE_EXPRESSIONS])
        mnl_attr_for_each_nested(expr, a[NFTA_RULE_EXPRESSIONS])
        {
            NL_NEST(e, expr, NFTA_EXPR_MAX);
            if (strcmp(nl_str(e[NFTA_EXPR_NAME]), "match") == 0)
                see_match(e[NFTA_EXPR_DATA], &g);
            else if (strcmp(nl_str(e[NFTA_EXPR_NAME]), "immediate") == 0)
                see_verdict(e[NFTA_EXPR_DATA], &g);
            else if (strcmp(nl_str(e[NFTA_EXPR_NAME]), "meta") == 0)
                see_meta(e[NFTA_EXPR_DATA], &g);
            else if (strcmp(nl_str(e[NFTA_EXPR_NAME]), "cmp") == 0)
                see_comparison(e[NFTA_EXPR_DATA], &g);
        }
    if (a[NFTA_RULE_USERDATA])
        see_userdata(a[NFTA_RULE_USERDATA], &g);
    struct fw_own *own = fw_see_rule(data, nl_str(a[NFTA_RULE_TABLE]), nl_str(a[NFTA_RULE_CHAIN]), g.comment, g.jump);
    if (own)
        memcpy(own->out, g.out, sizeof(own->out));
    if (own && a[NFTA_RULE_HANDLE])
        own->handle = be64toh(mnl_attr_get_u64(a[NFTA_RULE_HANDLE]));
    struct fw_dnat dnat = {.first = 0};
    if (!own && strcmp(nl_str(a[NFTA_RULE_TABLE]), "nat") == 0 && a[NFTA_RULE_EXPRESSIONS] &&
        nft_dnat(a[NFTA_RULE_EXPRESSIONS], &dnat))
        fw_see_dnat(data, nl_str(a[NFTA_RULE_CHAIN]), &dnat);
    return MNL_CB_OK;
}

static void forget_rules(void *scan)
{
    fw_forget_rules(scan);
}

static int dump(struct fw_scan *scan, uint16_t type, mnl_cb_t cb, void (*forget)(void *scan))
{
    char buf[NL_BUF];
    struct nfgenmsg *nfg;
    struct nlmsghdr *nlh =
        nl_request(buf, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), NLM_F_DUMP, sizeof(*nfg), &nfg);
    nfg->nfgen_family = nf_family(scan);
    return nl_dump(NETLINK_NETFILTER, nlh, cb, forget, scan);
}

int nft_scan(struct fw_scan *scan, struct err *err)
{
    if (dump(scan, NFT_MSG_GETCHAIN, see_chain, NULL) == 0 && dump(scan, NFT_MSG_GETRULE, see_rule, forget_rules) == 0)
        return 0;
    if (errno == EPROTONOSUPPORT || errno == EINVAL || errno == EOPNOTSUPP) {
        scan->absent = true; /* no nfnetlink, or no nf_tables in it */
        return 0;
    }
    err_sys(err, "cannot read nf_tables' rules");
    err_hint(err, "is CAP_NET_ADMIN granted?");
    return -1;
}

static struct nlmsghdr *put(struct mnl_nlmsg_batch *batch, uint16_t type, uint16_t flags, uint32_t seq, uint8_t family,
                            uint16_t subsys)
{
    struct nfgenmsg *nfg;
    struct nlmsghdr *nlh = nl_request(mnl_nlmsg_batch_current(batch), type, flags, sizeof(*nfg), &nfg);
    nlh->nlmsg_seq = seq;
    nfg->nfgen_family = family;
    nfg->res_id = htons(subsys);
    return nlh;
}

/* Deletes the chain of the i-th rule if it is the VM's own, and if no earlier rule was in it.  By that time, the chain
 * is empty.  The number of messages: 0 or 1. */
static uint32_t put_chain(struct mnl_nlmsg_batch *batch, const struct fw_scan *scan, size_t i, const char *id,
                          uint32_t seq)
{
    const struct fw_own *own = &scan->own[i];
    if (strcmp(own->id, id) != 0 || !fw_own_chain(own->chain))
        return 0;
    for (size_t j = 0; j < i; j++)
        if (strcmp(scan->own[j].chain, own->chain) == 0 && strcmp(scan->own[j].id, id) == 0)
            return 0;
    struct nlmsghdr *nlh = put(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN, NLM_F_ACK, seq, nf_family(scan), 0);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, own->table);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, own->chain);
    mnl_nlmsg_batch_next(batch);
    return 1;
}

static uint32_t put_deletions(struct mnl_nlmsg_batch *batch, const struct fw_scan *scan, const char *id)
{
    uint32_t seq = 1;
    put(batch, NFNL_MSG_BATCH_BEGIN, 0, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    mnl_nlmsg_batch_next(batch);
    for (size_t i = 0; i < scan->own_count; i++) {
        const struct fw_own *own = &scan->own[i];
        if (strcmp(own->id, id) != 0)
            continue;
        struct nlmsghdr *nlh =
            put(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE, NLM_F_ACK, seq++, nf_family(scan), 0);
        mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, own->table);
        mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, own->chain);
        mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(own->handle));
        mnl_nlmsg_batch_next(batch);
    }
    for (size_t i = 0; i < scan->own_count; i++)
        seq += put_chain(batch, scan, i, id, seq);
    put(batch, NFNL_MSG_BATCH_END, 0, seq, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    mnl_nlmsg_batch_next(batch);
    return seq - 1; /* how many acknowledgements will come */
}

/* Every message of the transaction is answered; the first refusal means that the whole transaction was refused. */
static int transact(struct mnl_socket *sock, struct mnl_nlmsg_batch *batch, uint32_t acks)
{
    char buf[NL_BUF];
    const struct timeval limit = {.tv_sec = 30};
    if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        mnl_socket_sendto(sock, mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch)) < 0)
        return -1;
    while (acks) {
        ssize_t n = mnl_socket_recvfrom(sock, buf, sizeof(buf));
        int left = (int)n;
        if (n < 0)
            return -1;
        for (struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left)) {
            const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);
            if (nlh->nlmsg_type == NLMSG_ERROR && answer->error) {
                errno = -answer->error;
                return -1;
            }
            acks -= acks > 0;
        }
    }
    return 0;
}

void nft_end(struct fw_scan *scan)
{
    if (scan->removal)
        mnl_socket_close(scan->removal);
    scan->removal = NULL;
}

int nft_remove(struct fw_scan *scan, const char *id, struct err *err)
{
    size_t size = (2 * scan->own_count + 3) * 256; /* a deletion takes less than 200 bytes */
    char *room = calloc(1, 2 * size);
    struct mnl_nlmsg_batch *batch = room ? mnl_nlmsg_batch_start(room, size) : NULL;
    int r = -1;
    nft_end(scan);
    scan->removal = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (batch && scan->removal) {
        uint32_t acks = put_deletions(batch, scan, id);
        r = acks ? transact(scan->removal, batch, acks) : 0;
    }
    if (r < 0)
        err_sys(err, "nf_tables");
    if (batch)
        mnl_nlmsg_batch_stop(batch);
    free(room);
    return r;
}
