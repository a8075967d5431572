/* The container's hosts(5) for its guest: every line means there what it meant here, and the container's own names are
 * the guest's. */
#ifndef CTR_ENTRY_HOSTS_H
#define CTR_ENTRY_HOSTS_H

#include "common/buf.h"

struct hosts_own {
    const char *name;     /* the hostname */
    const char *domain;   /* --domainname's; "": none */
    const char *address;  /* the guest's, IPv4; one of the loopback's without a network */
    const char *address6; /* NULL: none */
};

/* Appends the lines of text, without comments, and without those that every machine has (localhost, ip6-allnodes), as
 * the guest's init writes them anyway.  In lines of the container's own address stands the guest's.  There is one for
 * its name in any case, first if it had none. */
void hosts_make(const char *text, const struct hosts_own *own, struct buf *out);

#endif
