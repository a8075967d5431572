#include "share/slots.h"

#include <errno.h>
#include <stdlib.h>

enum { ERA_SHIFT = 20 };

static int grow(struct slots *s)
{
    uint32_t room = s->room ? s->room * 2 : 64;
    if (room > s->max)
        room = s->max + 1;
    struct slot *larger = reallocarray(s->slot, room, sizeof(*larger));
    if (!larger)
        return -1;
    s->slot = larger;
    s->room = room;
    if (!s->count)
        s->slot[s->count++] = (struct slot){0};
    return 0;
}

uint64_t slots_add(struct slots *s, void *item)
{
    uint32_t at = s->free;
    if (at) {
        s->free = s->slot[at].next;
    } else {
        if (s->count > s->max) {
            errno = ENFILE;
            return 0;
        }
        if (s->count == s->room && grow(s) < 0)
            return 0;
        at = s->count++;
        s->slot[at].turn = 0;
    }
    s->slot[at].item = item;
    return (uint64_t)s->slot[at].turn << 32 | s->era << ERA_SHIFT | at;
}

static struct slot *slot_of(const struct slots *s, uint64_t number)
{
    uint32_t at = number & SLOTS_LIMIT, era = (uint32_t)number >> ERA_SHIFT;
    return era == s->era && at < s->count && s->slot[at].item && s->slot[at].turn == number >> 32 ? &s->slot[at] : NULL;
}

void *slots_find(const struct slots *s, uint64_t number)
{
    const struct slot *slot = slot_of(s, number);
    return slot ? slot->item : NULL;
}

void slots_remove(struct slots *s, uint64_t number)
{
    struct slot *slot = slot_of(s, number);
    if (!slot)
        return;
    slot->item = NULL;
    slot->turn++;
    slot->next = s->free;
    s->free = number & SLOTS_LIMIT;
}

void slots_free(struct slots *s)
{
    free(s->slot);
    *s = (struct slots)SLOTS(s->max, s->era);
}
