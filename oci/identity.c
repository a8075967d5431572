#include "oci/identity.h"

#include "common/array.h"

#define ID_MAX (UINT32_MAX - 1) /* the last one means "no change" to the kernel */
enum { USUAL_UMASK = 022 };

struct identity {
    uint64_t uid, gid;
    struct buf more; /* ",GID" for each */
};

static int take_uid(struct walk *w, int item)
{
    return walk_number(w, item, "process.user.uid", ID_MAX, &((struct identity *)w->arg)->uid);
}

static int take_gid(struct walk *w, int item)
{
    return walk_number(w, item, "process.user.gid", ID_MAX, &((struct identity *)w->arg)->gid);
}

static int take_umask(struct walk *w, int item)
{
    uint64_t umask;
    if (walk_number(w, item, "process.user.umask", 0777, &umask) < 0)
        return -1;
    return umask == USUAL_UMASK ? 0 : err_set(w->err, "process.user.umask: only 0022 is supported yet");
}

static int take_more(struct walk *w, int item)
{
    struct identity *id = w->arg;
    for (int i = walk_array(w, item, "process.user.additionalGids"); i >= 0; i = jsonread_next(w->json, i)) {
        uint64_t gid;
        if (walk_number(w, i, "process.user.additionalGids", ID_MAX, &gid) < 0)
            return -1;
        buf_fmt(&id->more, "%s%llu", id->more.len ? "," : ":", (unsigned long long)gid);
    }
    return w->err->text[0] ? -1 : 0;
}

int identity_write(struct walk *w, int user, struct buf *spec)
{
    static const struct member members[] = {{"uid", FATE_TAKEN, NULL, take_uid, 0},
                                            {"gid", FATE_TAKEN, NULL, take_gid, 0},
                                            {"umask", FATE_TAKEN, NULL, take_umask, 0},
                                            {"additionalGids", FATE_TAKEN, NULL, take_more, 0},
                                            {"username", FATE_OURS, NULL, NULL, 0}}; /* of Windows */
    struct identity id = {0};
    void *outer = w->arg;
    w->arg = &id;
    int rc = walk_members(w, user, "process.user", members, COUNT(members));
    w->arg = outer;
    buf_fmt(spec, "%llu:%llu%s", (unsigned long long)id.uid, (unsigned long long)id.gid,
            id.more.data ? id.more.data : "");
    spec->failed |= buf_failed(&id.more);
    buf_free(&id.more);
    return rc == 0 && buf_failed(spec) ? err_set(w->err, "out of memory") : rc;
}
