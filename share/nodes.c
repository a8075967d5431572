#include "share/nodes.h"

#include "common/cleanup.h"
#include "share/slots.h"

#include <fcntl.h>
#include <pthread.h>

enum { CHAINS_MIN = 256, ROOT = 1 /* FUSE_ROOT_ID, in each era */ };

struct nodes {
    pthread_mutex_t lock;
    struct slots slots;
    struct node **chain; /* by file */
    uint32_t chains, count;
    struct node *root;
};

static struct node **chain_of(const struct nodes *n, uint64_t dev, uint64_t ino, uint64_t mount)
{
    uint64_t mixed = (ino ^ dev << 32 ^ mount << 48) * UINT64_C(0x9e3779b97f4a7c15);
    return &n->chain[(mixed >> 32) & (n->chains - 1)];
}

static uint64_t dev_of(const struct statx *st)
{
    return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

static struct node *find(const struct nodes *n, const struct statx *st)
{
    uint64_t dev = dev_of(st);
    struct node *node = *chain_of(n, dev, st->stx_ino, st->stx_mnt_id);
    while (node && (node->ino != st->stx_ino || node->dev != dev || node->mount != st->stx_mnt_id))
        node = node->next;
    return node;
}

/* As many chains as nodes, or more. */
static void widen(struct nodes *n)
{
    struct node **old = n->chain;
    uint32_t chains = n->chains;
    struct node **wider = calloc((size_t)chains * 2, sizeof(struct node *));
    if (!wider)
        return;
    n->chain = wider;
    n->chains = chains * 2;
    for (uint32_t i = 0; i < chains; i++)
        for (struct node *node = old[i], *next; node; node = next) {
            struct node **chain = chain_of(n, node->dev, node->ino, node->mount);
            next = node->next;
            node->next = *chain;
            *chain = node;
        }
    free(old);
}

/* The caller holds the lock, as for all functions below that do not take it. */
static struct node *add(struct nodes *n, int fd, const struct statx *st)
{
    struct node *node = malloc(sizeof(*node));
    uint64_t id = node ? slots_add(&n->slots, node) : 0;
    if (!id) {
        int saved = errno;
        free(node);
        errno = saved;
        return NULL;
    }
    *node = (struct node){.fd = fd,
                          .type = st->stx_mode & S_IFMT,
                          .id = id,
                          .all = n,
                          .dev = dev_of(st),
                          .ino = st->stx_ino,
                          .mount = st->stx_mnt_id};
    if (n->count++ == n->chains)
        widen(n);
    struct node **chain = chain_of(n, node->dev, node->ino, node->mount);
    node->next = *chain;
    *chain = node;
    return node;
}

/* Takes it out, if nobody has it any more: the caller then frees it without the lock, since close(2) may take long. */
static struct node *release(struct nodes *n, struct node *node)
{
    if (node->lookups || node->users || node == n->root)
        return NULL;
    struct node **at = chain_of(n, node->dev, node->ino, node->mount);
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    n->count--;
    slots_remove(&n->slots, node->id);
    return node;
}

static void drop(struct node *node)
{
    if (!node)
        return;
    int saved = errno;
    close(node->fd);
    free(node);
    errno = saved;
}

struct nodes *nodes_new(int folder, uint32_t max, uint32_t era)
{
    cleanup_close int fd = folder;
    struct statx st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
        return NULL;
    struct nodes *n = malloc(sizeof(*n));
    if (!n)
        return NULL;
    *n = (struct nodes){.lock = PTHREAD_MUTEX_INITIALIZER, .slots = SLOTS(max, era), .chains = CHAINS_MIN};
    n->chain = calloc(n->chains, sizeof(struct node *));
    n->root = n->chain ? add(n, fd, &st) : NULL;
    if (!n->root) {
        nodes_free(n);
        return NULL;
    }
    n->root->id = ROOT;
    steal_fd(&fd);
    return n;
}

void nodes_free(struct nodes *n)
{
    for (uint32_t i = 0; n->chain && i < n->chains; i++)
        for (struct node *node = n->chain[i], *next; node; node = next) {
            next = node->next;
            drop(node);
        }
    slots_free(&n->slots);
    free(n->chain);
    free(n);
}

struct node *nodes_use(struct nodes *n, uint64_t id)
{
    pthread_mutex_lock(&n->lock);
    struct node *node = id == ROOT ? n->root : slots_find(&n->slots, id);
    if (node)
        node->users++;
    pthread_mutex_unlock(&n->lock);
    if (!node)
        errno = ESTALE;
    return node;
}

void node_done(struct node *node)
{
    struct nodes *n = node->all;
    pthread_mutex_lock(&n->lock);
    node->users--;
    struct node *last = release(n, node);
    pthread_mutex_unlock(&n->lock);
    drop(last);
}

uint64_t nodes_enter(struct nodes *n, int fd, const struct statx *st)
{
    cleanup_close int taken = fd;
    pthread_mutex_lock(&n->lock);
    struct node *node = find(n, st);
    if (!node && (node = add(n, fd, st)))
        steal_fd(&taken);
    if (node)
        node->lookups++;
    uint64_t id = node ? node->id : 0;
    pthread_mutex_unlock(&n->lock);
    return id;
}

void nodes_forget(struct nodes *n, uint64_t id, uint64_t lookups)
{
    struct node *last = NULL;
    pthread_mutex_lock(&n->lock);
    struct node *node = slots_find(&n->slots, id);
    if (node) {
        node->lookups -= lookups < node->lookups ? lookups : node->lookups;
        last = release(n, node);
    }
    pthread_mutex_unlock(&n->lock);
    drop(last);
}

uint32_t nodes_count(struct nodes *n)
{
    pthread_mutex_lock(&n->lock);
    uint32_t count = n->count;
    pthread_mutex_unlock(&n->lock);
    return count;
}

int nodes_room(struct nodes *n)
{
    return nodes_count(n) < n->slots.max ? 0 : (errno = ENFILE, -1);
}
