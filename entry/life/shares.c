#include "entry/life/shares.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/passfd.h"
#include "common/proto.h"

void shares_join(struct share_ends *s, unsigned number, int fd)
{
    cleanup_close int taken = fd;
    struct share_end *e = number < s->count ? &s->end[number] : NULL;
    if (!e || e->channel < 0) {
        log_debug("a connection of the guest's for a share is refused");
        return;
    }
    if (passfd_send(e->channel, fd) < 0)
        log_debug("a share's server takes no connection");
    if (++e->joined == SHARE_WAYS)
        close(steal_fd(&e->channel));
}
