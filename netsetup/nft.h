/* The backend of iptables-nft. */
#ifndef CTR_NETSETUP_NFT_H
#define CTR_NETSETUP_NFT_H

#include "common/err.h"
#include "netsetup/fwscan.h"

struct nlattr;

/* Reads all rules into scan, which says backend and family.  0, or -1 with err. */
int nft_scan(struct fw_scan *scan, struct err *err);

/* Tries once to remove the rules with this mark that the scan saw; nft_end closes what that leaves open. */
int nft_remove(struct fw_scan *scan, const char *mark, struct err *err);
void nft_end(struct fw_scan *scan);

/* Whether a rule redirects packets, and which ones.  expressions is its NFTA_RULE_EXPRESSIONS. */
bool nft_dnat(const struct nlattr *expressions, struct fw_dnat *dnat);

#endif
