/* The files and folders that the guest has open.  All functions may be called by any thread. */
#ifndef CTR_SHARE_HANDLES_H
#define CTR_SHARE_HANDLES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct handles;

/* A folder's entries as the host's kernel gives them, read ahead of what the guest has taken. */
struct listing {
    char *entries; /* LISTING bytes, once something was read; NULL: none are kept */
    size_t len, at;
    off_t next; /* the position of the entry at `at` */
};
enum { LISTING = 32 * 1024, LISTINGS_MAX = 1024 };

struct handle {
    int fd;
    bool folder;
    uint64_t id;
    pthread_mutex_t reading; /* of a folder: held by who uses listing */
    struct listing listing;
    /* handles.c's own */
    struct handles *all;
    unsigned users;
    bool closed;
};

/* At most max, with numbers of that era (share/slots.h).  NULL with errno. */
struct handles *handles_new(uint32_t max, uint32_t era);
void handles_free(struct handles *h);

/* Takes fd.  The handle's number; 0 with errno: ENFILE when the guest has too many. */
uint64_t handles_add(struct handles *h, int fd, bool folder);

/* The handle with that number, of a folder or of a file, which stays until handle_done; NULL with errno
 * ESTALE: a guest's kernel asks so for what was open when another server died. */
struct handle *handles_use(struct handles *h, uint64_t id, bool folder);
void handle_done(struct handle *handle);

/* Memory for h->listing, which is empty then.  -1 with errno. */
int handle_listing(struct handle *h);

/* Frees that memory if more than LISTINGS_MAX folders have some: a guest may have as many folders open as files. */
void handle_listed(struct handle *h);

/* Nobody finds it from now on; it is closed once nobody uses it. */
void handles_close(struct handles *h, uint64_t id, bool folder);

static inline void handle_done_p(struct handle **handle)
{
    if (*handle)
        handle_done(*handle);
}
#define cleanup_handle __attribute__((cleanup(handle_done_p)))

#endif
