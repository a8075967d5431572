/* The host's packet filter, which can have two backends: the rules of iptables-nft are in nf_tables, those of
 * iptables-legacy in the kernel's older tables, and both sets are in force at once.  A backend is called a world here.
 */
#ifndef CTR_NETSETUP_FW_H
#define CTR_NETSETUP_FW_H

#include "common/buf.h"
#include "common/err.h"
#include "common/run.h"
#include "netsetup/netsetup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fw_world { FW_NFT, FW_LEGACY };

/* A rule that carries our comment. */
struct fw_own {
    char id[NET_MARK_MAX + 1]; /* the VM's mark */
    char table[32];
    char chain[64];
    uint64_t handle; /* nft's name for the rule */
};

/* Another program's rule that redirects a port: what it matches, as far as we understand it. */
struct fw_dnat {
    char chain[64];
    struct in_addr addr;  /* 0: any */
    uint16_t first, last; /* ports; 0: no port in particular */
    uint8_t proto;        /* IPPROTO_* */
};

/* What one world holds, for one address family (AF_INET, AF_INET6). */
struct fw_scan {
    enum fw_world world;
    int family;
    size_t rules;         /* everybody's */
    size_t forward_rules; /* of them, in FORWARD of filter */
    bool absent;          /* the kernel has no such world */
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

#define cleanup_fw_scan __attribute__((cleanup(fw_scan_free)))
void fw_scan_free(struct fw_scan *scan);

/* A kernel without that world holds no rules.  0, or -1 with err. */
int fw_scan(struct fw_scan *scan, enum fw_world world, int family, struct err *err);

/* Which of the two worlds our rules belong in. */
enum fw_world fw_choose(const struct fw_scan *nft, const struct fw_scan *legacy);

/* Where our rules of one address family go. */
struct fw_place {
    bool known;
    enum fw_world world;
    unsigned forward_at; /* the position in FORWARD after the user's own rules, counted from 1 */
};
struct fw_place fw_find_place(const struct fw_scan *nft, const struct fw_scan *legacy);

/* Rules that are being added, and then the rules added; all zeros: none. */
struct fw_made {
    enum fw_world world;
    int family;
    struct run run;  /* iptables-restore, while it works */
    struct buf text; /* what it was fed; owned */
};

/* Starts iptables-restore, which changes nothing before it gets its input; then feeds it rules to add, and waits.  0,
 * or -1 with err.  Call fw_made_free in the end. */
int fw_start(struct fw_made *made, enum fw_world world, int family, struct err *err);
int fw_add(struct fw_made *made, struct err *err);

/* Removes the rules that fw_add added, without a scan.  Gives up if one of them is gone: then a scan tells what is
 * left. */
void fw_take_back(const struct fw_made *made);
void fw_made_free(struct fw_made *made);

/* Feeds text to iptables-restore, and keeps the rules that are there.  0, or -1 with err. */
int fw_restore(enum fw_world world, int family, const char *text, struct err *err);

/* Removes our rules of one VM that the scan saw.  Rules that are gone by now are fine.  0, or -1 with err. */
int fw_remove(struct fw_scan *scan, const char *id, struct err *err);

/* The parts that differ between the two worlds; fw.c calls them.  Removal is one try. */
int nft_scan(struct fw_scan *scan, struct err *err);
int nft_remove(struct fw_scan *scan, const char *id, struct err *err);
void nft_end(struct fw_scan *scan);
int legacy_scan(struct fw_scan *scan, struct err *err);
int legacy_remove(const struct fw_scan *scan, const char *id, struct err *err);
int xtables_scan(struct fw_scan *scan, const char *table,
                 struct err *err); /* one of the older tables, which is there */

struct nlattr;
/* Whether a rule of iptables-nft redirects packets, and which ones.  expressions is its NFTA_RULE_EXPRESSIONS. */
bool nft_dnat(const struct nlattr *expressions, struct fw_dnat *dnat);

/* Whether a chain's name says that it is a VM's own (rules.h), and goes with the VM's rules. */
bool fw_own_chain(const char *chain);

/* Whether such a rule's target does so. */
bool fw_takes_ports(const char *target);

/* What a scan learns from one chain and one rule, in the kernel's order.  comment and jump may be NULL.  The
 * new entry when the rule is ours, else NULL. */
void fw_see_chain(struct fw_scan *scan, const char *table, const char *chain, bool drop);
void fw_see_dnat(struct fw_scan *scan, const char *chain, const struct fw_dnat *dnat);
struct fw_own *fw_see_rule(struct fw_scan *scan, const char *table, const char *chain, const char *comment,
                           const char *jump);

#endif
