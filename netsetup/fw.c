/* nf_tables is read by a netlink dump (nft.c), the older tables by getsockopt (legacy.c). */
#include "netsetup/fw.h"
#include "netsetup/legacy.h"
#include "netsetup/nft.h"

#include <stdlib.h>

enum { REMOVE_TRIES = 5 };

void fw_scan_free(struct fw_scan *scan)
{
    nft_end(scan);
    free(scan->own);
    free(scan->dnat);
    scan->own = NULL;
    scan->dnat = NULL;
    scan->own_count = 0;
}

int fw_scan(struct fw_scan *scan, enum fw_backend backend, int family, struct err *err)
{
    *scan = (struct fw_scan){.backend = backend, .family = family};
    int r = backend == FW_NFT ? nft_scan(scan, err) : legacy_scan(scan, err);
    if (r == 0 && scan->failed)
        r = err_set(err, "out of memory reading the firewall's rules");
    if (r < 0)
        fw_scan_free(scan);
    return r;
}

/* A backend that refuses comes first, because only an accept in that backend helps.  Next is the backend of the host's
 * container engine, and then the one with more rules. */
enum fw_backend fw_choose(const struct fw_scan *nft, const struct fw_scan *legacy)
{
    if (nft->absent)
        return FW_LEGACY;
    if (!nft->rules != !legacy->rules)
        return nft->rules ? FW_NFT : FW_LEGACY;
    if (nft->forward_drop != legacy->forward_drop)
        return nft->forward_drop ? FW_NFT : FW_LEGACY;
    if (nft->managed != legacy->managed)
        return nft->managed ? FW_NFT : FW_LEGACY;
    return nft->rules >= legacy->rules ? FW_NFT : FW_LEGACY;
}

struct fw_place fw_find_place(const struct fw_scan *nft, const struct fw_scan *legacy)
{
    enum fw_backend backend = fw_choose(nft, legacy);
    return (struct fw_place){true, backend, (backend == FW_NFT ? nft : legacy)->docker_user + 1};
}

static int remove_seen(struct fw_scan *scan, const char *id, struct err *err)
{
    return scan->backend == FW_NFT ? nft_remove(scan, id, err) : legacy_remove(scan, id, err);
}

/* Either backend refuses the whole removal if one rule has disappeared since the scan.  Then a new scan finds the rules
 * that are left to remove. */
int fw_remove(struct fw_scan *scan, const char *id, struct err *err)
{
    struct err why = {0};
    int r = remove_seen(scan, id, &why);
    for (int i = 0; r < 0 && i < REMOVE_TRIES; i++) {
        cleanup_fw_scan struct fw_scan again = {0};
        if (fw_scan(&again, scan->backend, scan->family, err) < 0)
            return -1;
        why.text[0] = '\0';
        r = remove_seen(&again, id, &why);
    }
    return r < 0 ? err_set(err, "cannot remove the firewall rules of VM %s: %s", id, why.text) : 0;
}
