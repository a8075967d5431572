#include "share/handles.h"

#include "common/cleanup.h"
#include "share/slots.h"

#include <stdatomic.h>

struct handles {
    pthread_mutex_t lock;
    struct slots slots;
    atomic_uint listings; /* that have memory */
};

int handle_listing(struct handle *h)
{
    h->listing = (struct listing){.entries = malloc(LISTING), .next = h->listing.next};
    if (!h->listing.entries)
        return -1;
    atomic_fetch_add(&h->all->listings, 1);
    return 0;
}

static void drop_listing(struct handle *h)
{
    if (h->listing.entries)
        atomic_fetch_sub(&h->all->listings, 1);
    free(h->listing.entries);
    h->listing = (struct listing){.next = -1}; /* not an entry's position, so the next READDIR sets its own */
}

void handle_listed(struct handle *h)
{
    if (atomic_load(&h->all->listings) > LISTINGS_MAX)
        drop_listing(h);
}

static void drop(struct handle *handle)
{
    int saved = errno;
    close(handle->fd);
    pthread_mutex_destroy(&handle->reading);
    drop_listing(handle);
    free(handle);
    errno = saved;
}

struct handles *handles_new(uint32_t max, uint32_t era)
{
    struct handles *h = malloc(sizeof(*h));
    if (h)
        *h = (struct handles){.lock = PTHREAD_MUTEX_INITIALIZER, .slots = SLOTS(max, era)};
    return h;
}

void handles_free(struct handles *h)
{
    for (uint32_t i = 1; i < h->slots.count; i++)
        if (h->slots.slot[i].item)
            drop(h->slots.slot[i].item);
    slots_free(&h->slots);
    free(h);
}

uint64_t handles_add(struct handles *h, int fd, bool folder)
{
    cleanup_close int taken = fd;
    struct handle *handle = malloc(sizeof(*handle));
    if (!handle)
        return 0;
    *handle = (struct handle){.fd = fd, .folder = folder, .all = h, .reading = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&h->lock);
    uint64_t id = slots_add(&h->slots, handle);
    handle->id = id;
    pthread_mutex_unlock(&h->lock);
    if (id)
        steal_fd(&taken);
    else
        cleanup_free_p(&handle);
    return id;
}

struct handle *handles_use(struct handles *h, uint64_t id, bool folder)
{
    pthread_mutex_lock(&h->lock);
    struct handle *handle = slots_find(&h->slots, id);
    if (handle && handle->folder != folder)
        handle = NULL;
    if (handle)
        handle->users++;
    pthread_mutex_unlock(&h->lock);
    if (!handle)
        errno = ESTALE;
    return handle;
}

void handle_done(struct handle *handle)
{
    struct handles *h = handle->all;
    pthread_mutex_lock(&h->lock);
    bool last = --handle->users == 0 && handle->closed;
    pthread_mutex_unlock(&h->lock);
    if (last)
        drop(handle);
}

void handles_close(struct handles *h, uint64_t id, bool folder)
{
    pthread_mutex_lock(&h->lock);
    struct handle *handle = slots_find(&h->slots, id);
    if (handle && handle->folder == folder) {
        slots_remove(&h->slots, id);
        handle->closed = true;
        if (handle->users)
            handle = NULL;
    } else {
        handle = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    if (handle)
        drop(handle);
}
