/* The formats are those of linux/pkt_sched.h, linux/pkt_cls.h and struct tcmsg of linux/rtnetlink.h. */
#include "netsetup/tie.h"
#include "netsetup/link.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HANDLE = (int)0xffff0000, PRIORITY = 1, QDISCS_MAX = 1024, REQUEST = 1024 /* bytes, of ours */ };
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

static struct tcmsg *head(const struct nlmsghdr *nlh)
{
    return mnl_nlmsg_get_payload(nlh);
}

static struct nlmsghdr *put_qdisc(void *buf, uint16_t type, uint16_t flags, unsigned ifindex)
{
    struct tcmsg *tc;
    struct nlmsghdr *nlh = nl_request(buf, type, flags, sizeof(*tc), &tc);
    *tc = (struct tcmsg){.tcm_ifindex = (int)ifindex, .tcm_handle = (uint32_t)HANDLE, .tcm_parent = TC_H_INGRESS};
    return nlh;
}

static struct nlmsghdr *put_filter(void *buf, unsigned ifindex, uint32_t parent, int prog, const char *name)
{
    struct tcmsg *tc;
    struct nlmsghdr *nlh = nl_request(buf, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*tc), &tc);
    *tc = (struct tcmsg){
        .tcm_ifindex = (int)ifindex, .tcm_parent = parent, .tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL))};
    mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
    struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
    mnl_attr_put_u32(nlh, TCA_BPF_FD, (uint32_t)prog);
    mnl_attr_put_strz(nlh, TCA_BPF_NAME, name);
    mnl_attr_put_u32(nlh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    mnl_attr_nest_end(nlh, options);
    return nlh;
}

static struct nlmsghdr *put_queue(void *buf, const struct link_info *link)
{
    struct ifinfomsg *ifi;
    struct nlmsghdr *nlh = nl_request(buf, RTM_NEWLINK, NLM_F_ACK, sizeof(*ifi), &ifi);
    ifi->ifi_index = (int)link->ifindex;
    mnl_attr_put_u32(nlh, IFLA_TXQLEN, link->queue);
    return nlh;
}

struct qdiscs_found {
    unsigned ifindex; /* asked about; 0: all */
    unsigned list[QDISCS_MAX];
    size_t count;
};

/* clsact is the other kind that holds an interface's ingress. */
static int see_qdisc(const struct nlmsghdr *nlh, void *data)
{
    struct qdiscs_found *f = data;
    unsigned ifindex = (unsigned)head(nlh)->tcm_ifindex;
    if (head(nlh)->tcm_parent == TC_H_INGRESS && (!f->ifindex || f->ifindex == ifindex) && f->count < QDISCS_MAX)
        f->list[f->count++] = ifindex;
    return MNL_CB_OK;
}

static int find_qdiscs(struct qdiscs_found *f)
{
    char buf[NL_BUF];
    struct tcmsg *tc;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETQDISC, NLM_F_DUMP, sizeof(*tc), &tc);
    tc->tcm_ifindex = (int)f->ifindex;
    if (nl_call(NETLINK_ROUTE, nlh, see_qdisc, f) == 0 || errno == EOPNOTSUPP) /* a kernel without traffic control */
        return 0;
    return -1;
}

/* The kernel executes everything in buf before a signal can end this process. */
static int send_all(char *buf, size_t len, int count)
{
    struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    int result =
        sock && mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) >= 0 && mnl_socket_sendto(sock, buf, len) >= 0 ? 0 : errno;
    for (int answers = 0; !result && answers < count; answers++) {
        char answer[REQUEST];
        ssize_t n = mnl_socket_recvfrom(sock, answer, sizeof(answer));
        if (n < 0 || mnl_cb_run(answer, (size_t)n, 0, mnl_socket_get_portid(sock), NULL, NULL) < 0)
            result = errno;
    }
    if (sock)
        mnl_socket_close(sock);
    errno = result;
    return result ? -1 : 0;
}

/* When an interface without a queue, such as a container's veth, gets any qdisc, the kernel sets its queue's length to
 * 1,000 (qdisc_create in net/sched/sch_api.c).  The last message restores the length at once. */
static int tie_both(unsigned ifindex, int in, int out, const char *name)
{
    char buf[4 * REQUEST];
    struct link_info link;
    if (link_find_index(ifindex, &link) < 0)
        return -1;
    struct nlmsghdr *nlh = put_qdisc(buf, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifindex);
    mnl_attr_put_strz(nlh, TCA_KIND, out >= 0 ? "clsact" : "ingress");
    size_t len = MNL_ALIGN(nlh->nlmsg_len);
    len += MNL_ALIGN(put_filter(buf + len, ifindex, INGRESS, in, name)->nlmsg_len);
    if (out >= 0)
        len += MNL_ALIGN(put_filter(buf + len, ifindex, EGRESS, out, name)->nlmsg_len);
    len += MNL_ALIGN(put_queue(buf + len, &link)->nlmsg_len);
    return send_all(buf, len, out >= 0 ? 4 : 3);
}

int tie_add(unsigned ifindex, int in, int out, const char *name)
{
    struct qdiscs_found f = {.ifindex = ifindex};
    if (find_qdiscs(&f) < 0)
        return -1;
    if (f.count) {
        errno = EEXIST;
        return -1;
    }
    if (tie_both(ifindex, in, out, name) == 0)
        return 0;
    int saved = errno;
    char owner[TIE_NAME];
    tie_name(ifindex, owner);
    /* A filter failed: the qdisc is ours, and either empty or with a filter that has our name. */
    if (saved != EEXIST && (!owner[0] || strcmp(owner, name) == 0))
        tie_remove(ifindex);
    errno = saved;
    return -1;
}

int tie_remove(unsigned ifindex)
{
    char buf[NL_BUF];
    return nl_call(NETLINK_ROUTE, put_qdisc(buf, RTM_DELQDISC, NLM_F_ACK, ifindex), NULL, NULL);
}

static int see_filter(const struct nlmsghdr *nlh, void *data)
{
    char *name = data;
    const struct nlattr *a[TCA_MAX + 1] = {NULL};
    mnl_attr_parse(nlh, sizeof(struct tcmsg), nl_sort_attr, &(struct nl_attrs){a, TCA_MAX});
    NL_NEST(options, strcmp(nl_str(a[TCA_KIND]), "bpf") == 0 ? a[TCA_OPTIONS] : NULL, TCA_BPF_MAX);
    if (options[TCA_BPF_NAME] && !name[0])
        snprintf(name, TIE_NAME, "%s", nl_str(options[TCA_BPF_NAME]));
    return MNL_CB_OK;
}

void tie_name(unsigned ifindex, char name[TIE_NAME])
{
    char buf[NL_BUF];
    struct tcmsg *tc;
    struct nlmsghdr *nlh = nl_request(buf, RTM_GETTFILTER, NLM_F_DUMP, sizeof(*tc), &tc);
    *tc = (struct tcmsg){.tcm_ifindex = (int)ifindex, .tcm_parent = INGRESS};
    name[0] = '\0';
    nl_call(NETLINK_ROUTE, nlh, see_filter, name);
}

int tie_each(void (*each)(unsigned ifindex, const char *name, void *data), void *data)
{
    struct qdiscs_found f = {.ifindex = 0};
    if (find_qdiscs(&f) < 0)
        return -1;
    for (size_t i = 0; i < f.count; i++) {
        char name[TIE_NAME];
        tie_name(f.list[i], name);
        if (name[0])
            each(f.list[i], name, data);
    }
    return 0;
}
