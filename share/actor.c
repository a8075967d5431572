#include "share/actor.h"

#include "common/privilege.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <unistd.h>

static _Thread_local bool other, root;

/* setfsuid does not report success, but returns the previous user. */
static int become(uid_t uid, gid_t gid)
{
    setfsgid(gid);
    setfsuid(uid);
    return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid ? 0 : -1;
}

int actor_as(uid_t uid, gid_t gid)
{
    other = true;
    root = uid == 0;
    if (become(uid, gid) == 0)
        return 0;
    actor_self();
    errno = EPERM;
    return -1;
}

void actor_self(void)
{
    int saved = errno;
    if (other)
        become(geteuid(), getegid());
    /* A thread that stops being root for file systems loses its capabilities for them (capabilities(7)). */
    if (other && root)
        privilege_regain();
    other = root = false;
    errno = saved;
}
