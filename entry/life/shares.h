/* The guest's connections for shares go to the shares' servers; nothing of what comes by them is ours to read.
 *
 * The guest's init makes SHARE_WAYS connections for each share before anything of the user's runs, and as many again
 * when a server has died.  A guest that makes its servers die, or connects without end, costs the host a bounded
 * amount: after SHARE_SERVERS servers in an hour, the share has none any more. */
#ifndef CTR_LIFE_SHARES_H
#define CTR_LIFE_SHARES_H

#include <stdint.h>

enum { SHARE_ENDS_MAX = 64, SHARE_SERVERS = 6 };

struct share_ends {
    struct share_end {
        uint32_t key; /* what the guest's hello must have */
        int channel;  /* to its server; becomes ours; -1: it gets no more connections */
        unsigned joined;
        uint64_t since; /* when the first of these came (loop_now) */
    } end[SHARE_ENDS_MAX];
    unsigned count;
    unsigned strangers; /* connections with a wrong key */
};

/* Takes fd, a connection whose hello had that key. */
void shares_join(struct share_ends *s, uint32_t key, int fd);

#endif
