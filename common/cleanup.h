/* Scope-bound resources: declared with one of these attributes, released on every way out of the block.
 * A value that is handed on is taken out first with steal_fd or steal_ptr.  All keep errno. */
#ifndef CTR_CLEANUP_H
#define CTR_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_p(void *p)
{
    int saved = errno;
    free(*(void **)p);
    errno = saved;
}

static inline void cleanup_close_p(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

static inline void cleanup_fclose_p(FILE **f)
{
    int saved = errno;
    if (*f)
        fclose(*f);
    errno = saved;
}

#define cleanup_free __attribute__((cleanup(cleanup_free_p)))
#define cleanup_close __attribute__((cleanup(cleanup_close_p)))
#define cleanup_fclose __attribute__((cleanup(cleanup_fclose_p)))

/* "No descriptor" is -1, never 0. */
static inline int steal_fd(int *fd)
{
    int out = *fd;
    *fd = -1;
    return out;
}

static inline void *steal_ptr_p(void *pp)
{
    void *out = *(void **)pp;
    *(void **)pp = NULL;
    return out;
}
#define steal_ptr(pp) ((__typeof__(*(pp)))steal_ptr_p(pp))

#endif
