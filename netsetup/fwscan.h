/* The result of reading the host's packet filter, and the functions by which the readers (nft.h, legacy.h) record it.
 */
#ifndef CTR_NETSETUP_FWSCAN_H
#define CTR_NETSETUP_FWSCAN_H

#include "netsetup/netplan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rules of iptables-nft are in nf_tables, those of iptables-legacy in the kernel's older tables. */
enum fw_backend { FW_NFT, FW_LEGACY };

/* A rule that carries our comment. */
struct fw_own {
    char id[NET_MARK_MAX + 1]; /* the VM's mark */
    char table[32];
    char chain[64];
    uint64_t handle;    /* nft's name for the rule */
    char out[IFNAMSIZ]; /* it matches packets that leave by this device; "": by any */
};

/* Another program's rule that redirects a port: what it matches, as far as we understand it. */
struct fw_dnat {
    char chain[64];
    struct in_addr addr;  /* 0: any */
    uint16_t first, last; /* ports; 0: no port in particular */
    uint8_t proto;        /* IPPROTO_* */
};

struct mnl_socket;

/* What one backend holds, for one address family (AF_INET, AF_INET6). */
struct fw_scan {
    enum fw_backend backend;
    int family;
    size_t rules;         /* everybody's */
    size_t forward_rules; /* of them, in FORWARD of filter */
    bool absent;          /* the kernel has no such backend */
    bool forward_drop;    /* FORWARD's policy */
    bool managed;         /* Docker or Kubernetes keeps its chains here */
    unsigned docker_user; /* the position of FORWARD's jump to DOCKER-USER, counted from 1; 0: none */
    struct fw_own *own;
    size_t own_count;
    struct fw_dnat *dnat; /* IPv4's; owned */
    size_t dnat_count;
    bool failed;                /* memory ran out */
    struct mnl_socket *removal; /* nft's: closing it waits until the kernel has freed what was removed */
};

/* Record one chain and one rule, in the kernel's order. comment and jump may be NULL.  Returns the new entry if the
 * rule is ours, else NULL. */
void fw_see_chain(struct fw_scan *scan, const char *table, const char *chain, bool drop);
void fw_see_dnat(struct fw_scan *scan, const char *chain, const struct fw_dnat *dnat);
struct fw_own *fw_see_rule(struct fw_scan *scan, const char *table, const char *chain, const char *comment,
                           const char *jump);

/* Drops the rules that were recorded, which the reader is about to read again. */
void fw_forget_rules(struct fw_scan *scan);

/* Whether a chain's name says that it is a VM's own (rules.h), and goes with the VM's rules. */
bool fw_own_chain(const char *chain);

/* Whether a rule with this target redirects packets. */
bool fw_takes_ports(const char *target);

#endif
