/* The guest's connections for shares go to the shares' servers; nothing of what comes by them is ours to read. */
#ifndef CTR_LIFE_SHARES_H
#define CTR_LIFE_SHARES_H

enum { SHARE_ENDS_MAX = 64 };

struct share_ends {
    struct share_end {
        int channel; /* to its server; becomes ours; -1: it has all connections */
        unsigned joined;
    } end[SHARE_ENDS_MAX];
    unsigned count;
};

/* Takes fd, a connection for the share with that number.  Each share gets SHARE_WAYS of them (common/proto.h): the
 * guest's init opens these before anything of the user's runs, and others are closed. */
void shares_join(struct share_ends *s, unsigned number, int fd);

#endif
