#include "rootdisk/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tree_free(struct tree *t)
{
    free(t->nodes);
    free(t->entries);
    buf_free(&t->names);
    buf_free(&t->blobs);
    memset(t, 0, sizeof(*t));
}

/* Room for one more element; the array may move.  Doubling: realloc moves pages, not bytes, once it is big. */
static void *grow(void *array, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    if (*cap >= TREE_NONE / 2) {
        errno = EOVERFLOW;
        return NULL;
    }
    uint32_t more = *cap ? *cap * 2 : 256;
    void *out = realloc(array, more * size);
    if (out)
        *cap = more;
    return out;
}

uint32_t tree_add_node(struct tree *t, const struct node *node)
{
    struct node *nodes = grow(t->nodes, t->node_count, &t->node_cap, sizeof(*nodes));
    if (!nodes)
        return TREE_NONE;
    t->nodes = nodes;
    nodes[t->node_count] = *node;
    return t->node_count++;
}

static uint32_t add_bytes(struct buf *b, const void *data, size_t len)
{
    if (b->len + len >= TREE_NONE) {
        errno = EOVERFLOW;
        return TREE_NONE;
    }
    uint32_t offset = (uint32_t)b->len;
    buf_add(b, data, len);
    if (buf_failed(b)) {
        errno = ENOMEM;
        return TREE_NONE;
    }
    return offset;
}

uint32_t tree_add_entry(struct tree *t, const char *name, uint32_t node)
{
    struct entry *entries = grow(t->entries, t->entry_count, &t->entry_cap, sizeof(*entries));
    if (!entries)
        return TREE_NONE;
    t->entries = entries;
    uint32_t offset = add_bytes(&t->names, name, strlen(name) + 1);
    if (offset == TREE_NONE)
        return TREE_NONE;
    entries[t->entry_count] = (struct entry){.name = offset, .node = node};
    return t->entry_count++;
}

uint32_t tree_add_blob(struct tree *t, const void *data, size_t len)
{
    return add_bytes(&t->blobs, data, len);
}

static int by_name(const void *a, const void *b, void *names)
{
    const struct entry *x = a, *y = b;
    return strcmp((char *)names + x->name, (char *)names + y->name);
}

void tree_sort(struct tree *t, uint32_t first)
{
    qsort_r(t->entries + first, t->entry_count - first, sizeof(*t->entries), by_name, t->names.data);
}

void tree_path(const struct tree *t, uint32_t node, char *out, size_t size)
{
    size_t at = size - 1;
    out[at] = '\0';
    for (; node != TREE_ROOT; node = t->nodes[node].parent) {
        const char *name = tree_name(t, t->nodes[node].name);
        size_t len = strlen(name);
        if (len + sizeof("...") > at) {
            at -= 3;
            memcpy(out + at, "...", 3);
            break;
        }
        at -= len;
        memcpy(out + at, name, len);
        out[--at] = '/';
    }
    if (!out[at])
        out[--at] = '/';
    memmove(out, out + at, size - at);
}
