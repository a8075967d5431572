#include "rootdisk/links.h"

#include "rootdisk/tree.h"

#include <stdlib.h>

static struct link *slot(const struct links *l, uint64_t dev, uint64_t ino)
{
    uint64_t hash = (ino ^ (dev << 32)) * 0x9e3779b97f4a7c15u;
    for (size_t i = hash >> 32;; i++) {
        struct link *at = &l->slots[i & (l->cap - 1)];
        if (at->node == TREE_ROOT || (at->ino == ino && at->dev == dev))
            return at;
    }
}

static int grow(struct links *l)
{
    struct links old = *l;
    size_t cap = old.cap ? old.cap * 2 : 256;
    struct link *slots = calloc(cap, sizeof(*slots));
    if (!slots)
        return -1;
    l->slots = slots;
    l->cap = cap;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].node != TREE_ROOT)
            *slot(l, old.slots[i].dev, old.slots[i].ino) = old.slots[i];
    free(old.slots);
    return 0;
}

struct link *links_find(struct links *l, uint64_t dev, uint64_t ino)
{
    if (l->count * 2 >= l->cap && grow(l) < 0)
        return NULL;
    struct link *at = slot(l, dev, ino);
    at->dev = dev;
    at->ino = ino;
    return at;
}

void links_set(struct links *l, struct link *place, uint32_t node)
{
    place->node = node;
    l->count++;
}

void links_free(struct links *l)
{
    free(l->slots);
}
