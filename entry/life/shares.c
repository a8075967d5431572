#include "entry/life/shares.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/passfd.h"
#include "common/proto.h"
#include "common/units.h"

/* A process of the guest may guess so often. */
enum { STRANGERS_MAX = 16 };
#define WINDOW (3600 * SECOND)

static struct share_end *find(struct share_ends *s, uint32_t key)
{
    if (s->strangers == STRANGERS_MAX)
        return NULL;
    for (unsigned i = 0; i < s->count; i++)
        if (s->end[i].key == key)
            return &s->end[i];
    s->strangers++;
    return NULL;
}

/* Its server ends with the channel, once its connections have ended. */
static void give_up(struct share_end *e)
{
    close(steal_fd(&e->channel));
}

void shares_join(struct share_ends *s, uint32_t key, int fd)
{
    cleanup_close int taken = fd;
    struct share_end *e = find(s, key);
    uint64_t now = loop_now();
    if (!e || e->channel < 0) {
        log_debug("a connection of the guest's for a share is refused");
        return;
    }
    if (!e->joined || now - e->since > WINDOW) {
        e->joined = 0;
        e->since = now;
    }
    if (e->joined++ == SHARE_SERVERS * SHARE_WAYS || passfd_send(e->channel, fd) < 0)
        give_up(e);
}
