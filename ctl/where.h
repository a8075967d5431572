/* What a copy means, by what is at its two ends: the rules of docker cp. */
#ifndef CTR_CTL_WHERE_H
#define CTR_CTL_WHERE_H

#include "common/err.h"
#include "common/proto.h"

/* An archive of `member` in the folder `from` ("." is all that is in it), unpacked in the folder `to` with
 * `name` in the member's place; "" leaves it. */
struct where {
    char from[4096], member[256], to[4096], name[256];
};

/* The kinds are those of source itself (with a trailing slash: of the file that it leads to), and of the file that
 * target leads to.  -1 with err. */
int where_copy(const char *source, enum proto_copy source_kind, const char *target, enum proto_copy target_kind,
               struct where *w, struct err *err);

#endif
