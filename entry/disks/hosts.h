/* The container's hosts(5), rewritten for its guest: every line keeps its meaning, and the container's own names become
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
 * the guest's init writes them anyway.  Lines with the container's own address get the guest's address instead.  A line
 * for the guest's name is always there, as the first one if text had none. */
void hosts_make(const char *text, const struct hosts_own *own, struct buf *out);

#endif
