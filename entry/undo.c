#include "entry/undo.h"

#include "common/log.h"

#include <stdlib.h>

struct step {
    struct step *before;
    const char *what;
    void (*undo)(void *handle);
    void *handle;
};

struct undo {
    struct step *last;
};

struct undo *undo_new(void)
{
    return calloc(1, sizeof(struct undo));
}

int undo_push(struct undo *u, const char *what, void (*undo)(void *handle), void *handle, struct err *err)
{
    struct step *s = malloc(sizeof(*s));
    if (!s) {
        undo(handle);
        return err_set(err, "out of memory recording %s", what);
    }
    *s = (struct step){u->last, what, undo, handle};
    u->last = s;
    return 0;
}

void undo_all(struct undo *u)
{
    while (u->last) {
        struct step *s = u->last;
        u->last = s->before;
        log_debug("undoing %s", s->what);
        s->undo(s->handle);
        free(s);
    }
    free(u);
}
