/* HTTP to Firecracker's API socket, over one connection that stays open for the VM's life, because it could not be made
 * again later, without privileges.  One request is under way at a time; others wait their turn. */
#ifndef CTR_API_H
#define CTR_API_H

#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"

struct api;

/* The reply: the HTTP status and the body, followed by a NUL; status 0: there is no reply, and body says why. */
typedef void api_done(void *arg, long status, const char *body, size_t len);

/* Of the socket `name` in the folder run (a descriptor), which may still have to appear.  process is readable when
 * Firecracker has ended.  NULL without memory. */
struct api *api_open(int run, const char *name, int process);

/* Sends a request and waits for its end: until it is cancelled (common/cancel.h), Firecracker ends, or a minute has
 * passed.  body: JSON; NULL: none.  answer (may be NULL) gets the body.  -1 with err, which carries Firecracker's
 * own message.  Not after api_join. */
int api_call(struct api *a, const char *method, const char *path, const char *body, struct buf *answer,
             struct err *err);

/* From now on the loop, which must outlive it, serves requests of api_send. */
void api_join(struct api *a, struct loop *loop);

/* Sends a request, and later calls done once, from the loop.  Never calls done while Firecracker does not answer: it
 * may be stopped, and continue later.  -1 if too many requests wait, or without memory: done is not called. */
int api_send(struct api *a, const char *method, const char *path, const char *body, api_done *done, void *arg);

/* The connection's descriptor; -1: there is none now. */
int api_connection(const struct api *a);

/* Allowed for NULL.  No done is called any more. */
void api_close(struct api *a);

#endif
