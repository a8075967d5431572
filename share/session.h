/* libfuse's session, over sockets instead of /dev/fuse. */
#ifndef CTR_SHARE_SESSION_H
#define CTR_SHARE_SESSION_H

#include "share/reply.h"

/* A session for the share.  NULL: libfuse has none (a debug line says why). */
struct fuse_session *session_new(struct share *s);

/* This thread's replies go to the connection from now on. */
void session_replies_to(int connection);

/* INIT is the next message that libfuse processes in this thread. */
void session_init_offers(const void *message);

/* Replies to a message that libfuse is not to see. */
int session_refuse(int connection, const void *message, int error);

#endif
