/* Keeps the data of an ADD that DEL and CHECK need, in files, so that a later process of any caller can undo the ADD.
 * Place and format are libcni's (containernetworking/cni, libcni/api.go: cachedInfo, kind "cniCacheV1"). */
#ifndef CTR_CNI_CACHE_H
#define CTR_CNI_CACHE_H

#include "cni/caller/attachment.h"
#include "cni/caller/network.h"

struct cache {
    struct network network; /* as it was at the ADD */
    char *args;             /* CNI_ARGS; NULL: none */
    char *capabilities;     /* JSON; NULL: none */
    char *result;           /* JSON; NULL: the ADD did not end */
};

/* Writes or replaces the file, atomically and synced. result: the last plugin's, or NULL before there is one.  -1 with
 * err. */
int cache_write(const struct cni_attachment *a, const struct network *n, const char *result, struct err *err);

/* Reads it: 1; 0 if there is none; -1 with err.  To be freed in each case. */
int cache_read(const struct cni_attachment *a, const char *network, struct cache *c, struct err *err);
void cache_free(struct cache *c);

/* Calls each for every file, with its network, id, netns and ifname; the other fields are a's.  A missing directory has
 * no files.  -1 with err. */
int cache_each(const struct cni_attachment *a, void (*each)(const struct cni_attachment *kept, void *data), void *data,
               struct err *err);

/* Removes it. */
void cache_remove(const struct cni_attachment *a, const char *network);

#endif
