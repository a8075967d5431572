#include "netsetup/bounds.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/num.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PART = 4, LEAST = 16 };

/* A quarter of the limit in a file of /proc/sys, or of `otherwise` without that file. */
static unsigned part(const char *path, unsigned otherwise)
{
    uint64_t all;
    cleanup_free char *text = io_read_file(AT_FDCWD, path, 32, NULL);
    if (text)
        text[strcspn(text, "\n")] = '\0';
    if (!text || num_parse(text, 0, UINT32_MAX, &all) < 0)
        all = otherwise;
    all /= PART;
    return all < LEAST ? LEAST : all > BOUNDS_MOST ? BOUNDS_MOST : (unsigned)all;
}

struct bounds bounds_find(void)
{
    return (struct bounds){.flows = part("/proc/sys/net/netfilter/nf_conntrack_max", 65536),
                           .peers = {part("/proc/sys/net/ipv4/neigh/default/gc_thresh3", 1024),
                                     part("/proc/sys/net/ipv6/neigh/default/gc_thresh3", 1024)}};
}

/* The match's file has a line for each entry. */
static bool is_full(const char *match, const char *name, const char *tap, unsigned most)
{
    char path[64 + IFNAMSIZ];
    unsigned lines = 0;
    snprintf(path, sizeof(path), "/proc/net/%s/%s%s", match, name, tap);
    FILE *file = fopen(path, "re");
    for (int c; file && (c = getc_unlocked(file)) != EOF;)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines >= most;
}

void bounds_tell(const struct bounds *bounds, const char *tap, unsigned *told)
{
    static const char *const matches[] = {"ipt_hashlimit", "ip6t_hashlimit"};
    for (unsigned i = 0; bounds->flows && i < 2; i++) {
        unsigned flows = 1U << i, peers = 4U << i;
        if (!(*told & flows) && is_full(matches[i], BOUNDS_FLOWS, tap, bounds->flows)) {
            *told |= flows;
            log_warn("the guest began %u connections within %d s, its limit: further ones wait", bounds->flows,
                     BOUNDS_FLOWS_SECONDS);
        }
        if (!(*told & peers) && is_full(matches[i], BOUNDS_PEERS, tap, bounds->peers[i])) {
            *told |= peers;
            log_warn("the guest tries %u new destinations within %d s, its limit (is it a scan?): further ones wait",
                     bounds->peers[i], BOUNDS_PEERS_SECONDS);
        }
    }
}
