#include "share/actor.h"

#include "common/privilege.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <unistd.h>

static _Thread_local bool other, root;
/* Whom this thread could become the last time: it still can, since its capabilities do not change. */
static _Thread_local struct {
    bool known;
    uid_t uid;
    gid_t gid;
} last;

/* setfsuid does not report success, but returns the previous user. */
static int become(uid_t uid, gid_t gid)
{
    setfsgid(gid);
    setfsuid(uid);
    return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid ? 0 : -1;
}

static int become_again(uid_t uid, gid_t gid)
{
    if (last.known && last.uid == uid && last.gid == gid) {
        setfsgid(gid);
        setfsuid(uid);
        return 0;
    }
    last.known = become(uid, gid) == 0;
    last.uid = uid;
    last.gid = gid;
    return last.known ? 0 : -1;
}

int actor_as(uid_t uid, gid_t gid)
{
    other = true;
    root = uid == 0;
    if (become_again(uid, gid) == 0)
        return 0;
    actor_self();
    errno = EPERM;
    return -1;
}

void actor_self(void)
{
    int saved = errno;
    if (other) { /* which always succeeds */
        setfsgid(getegid());
        setfsuid(geteuid());
    }
    /* A thread that stops being root for file systems loses its capabilities for them (capabilities(7)). */
    if (other && root)
        privilege_regain();
    other = root = false;
    errno = saved;
}
