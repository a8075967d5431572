/* Bounds on what one guest may take of the kernel's tables that it shares with others.
 *
 * Neighbours: one table for all network namespaces of the machine, with neigh/default/gc_thresh3 (1,024) entries.  A
 * guest that scans a network that the host is on makes the host add an entry for each address.  While nobody answers,
 * the entry is INCOMPLETE for mcast_solicit * retrans_time (3 * 1 s), and cannot be freed.  Then it is FAILED, and the
 * kernel frees it when it needs room.  So the bound is on the destinations that a guest tries within 3 s: it may try a
 * quarter of the table, 256, or 85 new ones a second for ever.  A destination that has answered no longer counts.  A
 * rule cannot see whether a destination is reached through a gateway, so those destinations count too.
 *
 * Connections: nf_conntrack_max (262,144 from 4 GiB of memory, 65,536 from 1 GiB) in each network namespace.  The
 * kernel remembers an unanswered UDP packet for 30 s.  Within that time, a guest may begin as many connections as a
 * quarter of the table holds, and at most BOUNDS_MOST: 546 new connections a second for ever.  (Linux lets a client
 * open 28,232 TCP connections to one port in 60 s, 470 a second.)  Connections to published ports do not count.  A
 * guest whose accomplice outside keeps its connections open can still have more of them: connlimit would count these,
 * but measurements show that it takes 350 ns for each open connection whenever a new one begins, 2 ms for 5,800 (Linux
 * 6.18). */
#ifndef CTR_NETSETUP_BOUNDS_H
#define CTR_NETSETUP_BOUNDS_H

enum { BOUNDS_MOST = 16384, BOUNDS_FLOWS_SECONDS = 30, BOUNDS_PEERS_SECONDS = 3 };

/* Followed by the TAP's name, the name of a file in /proc/net/ipt_hashlimit and ip6t_hashlimit. */
#define BOUNDS_FLOWS "ctr-flows-"
#define BOUNDS_PEERS "ctr-peers-"
#define BOUNDS_PINGS "ctr-pings-"

struct bounds {
    unsigned flows; /* new connections within BOUNDS_FLOWS_SECONDS, of each family; 0: this kernel has no hashlimit */
    unsigned peers[2]; /* new destinations within BOUNDS_PEERS_SECONDS: IPv4, IPv6 */
};

/* The bounds for this machine's tables. */
struct bounds bounds_find(void);

/* Warns when the guest has reached a bound, once for each bound.  *told records the bounds that it has warned about;
 * the caller starts with 0. */
void bounds_tell(const struct bounds *bounds, const char *tap, unsigned *told);

#endif
