#include "entry/life/control.h"

#include "common/cleanup.h"
#include "common/container.h"
#include "common/exitcode.h"
#include "common/listener.h"
#include "common/local.h"
#include "common/peer.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

/* SPARE descriptors are not for clients: a session cannot begin without those of its streams, and without them, clients
 * that hold all others would wait for each other. */
enum { CLIENTS_MAX = 256, REPLY_MAX = PROTO_MAX - 64, SPARE = 16 };

struct client {
    struct peer peer; /* first: a peer is its client */
    struct control *control;
    uint32_t session; /* 0: none yet */
    bool ended;       /* the session's command has */
    bool over;        /* to be freed */
    uint8_t waits;    /* for the answer to a request of this type; 0: for none */
};

struct control {
    struct loop *loop;
    struct control_events events;
    struct control_questions asked;
    struct listener listener;
    rlim_t descriptors; /* as many as this process may have */
    struct client *clients[CLIENTS_MAX];
};

static struct client *find_client(struct control *c, uint32_t session)
{
    for (int i = 0; session != 0 && i < CLIENTS_MAX; i++)
        if (c->clients[i] && !c->clients[i]->over && c->clients[i]->session == session)
            return c->clients[i];
    return NULL;
}

/* Random: a guest's process cannot say hello for a session that it does not know. */
static uint32_t new_session(struct control *c)
{
    uint32_t session;
    do
        if (getrandom(&session, sizeof(session), 0) != sizeof(session))
            return 0;
    while (session == 0 || find_client(c, session));
    return session;
}

static void reply(struct client *cl, void (*fill)(void *arg, struct buf *out))
{
    cleanup_buf struct buf text = {0};
    fill(cl->control->asked.arg, &text);
    size_t skip = text.len > REPLY_MAX ? text.len - REPLY_MAX : 0;
    if (!buf_failed(&text))
        peer_send(&cl->peer, PROTO_TEXT, NULL, 0, text.data + skip, text.len - skip);
}

static void refuse_client(struct client *cl, const char *why)
{
    uint32_t fields[] = {0, EXIT_OURS};
    peer_send(&cl->peer, PROTO_FAILED, fields, 2, why, strlen(why));
}

/* Passes the message on to the guest, with the client's real session in place of the number that the client wrote. */
static void pass_on(struct client *cl, const struct proto_msg *msg)
{
    struct control *c = cl->control;
    if (msg->len < 4)
        return;
    if (msg->type == PROTO_EXEC && cl->session != 0)
        return; /* one exec a connection */
    uint32_t session = msg->type == PROTO_EXEC ? new_session(c) : cl->session;
    if (msg->type == PROTO_EXEC && c->asked.paused(c->asked.arg)) {
        refuse_client(cl, "the VM is paused; ctr-jailer unpause resumes it");
        return;
    }
    bool sent = session != 0 && c->events.to_guest(c->events.arg, (enum proto_type)msg->type, &session, 1,
                                                   msg->payload + 4, msg->len - 4) == 0;
    if (msg->type != PROTO_EXEC)
        return;
    if (sent)
        cl->session = session; /* from now on, the guest has to be told of the client's end */
    else
        refuse_client(cl, "the guest does not answer");
}

static void on_message(struct peer *p, const struct proto_msg *msg)
{
    struct client *cl = (struct client *)p;
    struct control *c = cl->control;
    uint32_t seconds, form;
    switch (msg->type) {
    case PROTO_EXEC:
    case PROTO_SIGNAL:
    case PROTO_WINSIZE:
        pass_on(cl, msg);
        break;
    case PROTO_STATUS:
        reply(cl, proto_field(msg, 0, &form) && form == PROTO_LINES ? c->asked.status_lines : c->asked.status);
        break;
    case PROTO_LOGS:
        reply(cl, c->asked.logs);
        break;
    case PROTO_VMM_LOGS:
        reply(cl, c->asked.vmm_logs);
        break;
    case PROTO_HEALTH:
        reply(cl, c->asked.health);
        break;
    case PROTO_METRICS:
        cl->waits = msg->type;
        c->asked.metrics(c->asked.arg);
        break;
    case PROTO_PAUSE:
    case PROTO_UNPAUSE:
        cl->waits = msg->type;
        c->asked.pause(c->asked.arg, msg->type == PROTO_PAUSE);
        break;
    case PROTO_STOP:
        if (!proto_field(msg, 0, &seconds))
            break;
        peer_send(p, PROTO_TEXT, NULL, 0, NULL, 0); /* first: the stop may be at once */
        c->events.stop(c->events.arg, seconds);
        break;
    default:
        break;
    }
}

/* Tells the guest that nobody waits for the client's session any more.  False if the guest cannot take the message now.
 */
static bool hang_up(struct client *cl)
{
    struct control *c = cl->control;
    if (cl->session != 0 && !cl->ended && c->events.to_guest(c->events.arg, PROTO_HANGUP, &cl->session, 1, NULL, 0) < 0)
        return false;
    cl->session = 0;
    return true;
}

/* The session's streams end with the client, which holds them.  That alone does not end a command that neither reads
 * nor writes. */
static void lose(struct client *cl)
{
    cl->over = true;
    hang_up(cl);
}

static void on_lost(struct peer *p, int how)
{
    (void)how;
    lose((struct client *)p);
}

/* A free place, or else that of a session of whose end the guest cannot be told: a guest that reads nothing must not
 * keep clients out.  Who cannot be told of one cannot be told of another. */
static struct client **find_place(struct control *c)
{
    struct client **untold = NULL;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client **place = &c->clients[i];
        if (*place && !(*place)->over)
            continue;
        if (!*place || (*place)->session == 0 || (!untold && hang_up(*place)))
            return place;
        if (!untold)
            untold = place;
    }
    return untold;
}

static void on_connect(struct watch *w, short revents)
{
    (void)revents;
    struct control *c = container_of(w, struct control, listener.watch);
    int fd = listener_accept(&c->listener, NULL, NULL);
    bool spared = fd >= 0 && (rlim_t)fd + SPARE < c->descriptors; /* the kernel gives the least that is free */
    struct client **place = spared && local_is_root(fd) ? find_place(c) : NULL;
    if (place && *place)
        peer_free(&(*place)->peer);
    if (place) {
        free(*place);
        *place = calloc(1, sizeof(**place));
    }
    if (!place || !*place) {
        if (fd >= 0)
            close(fd);
        return;
    }
    (*place)->control = c;
    peer_init(&(*place)->peer, c->loop, on_message, on_lost);
    if (peer_connect(&(*place)->peer, fd) < 0)
        (*place)->over = true;
}

struct control *control_new(struct loop *loop, int listener, const struct control_events *events,
                            const struct control_questions *questions)
{
    struct rlimit files;
    struct control *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->loop = loop;
    c->events = *events;
    c->asked = *questions;
    c->descriptors = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : RLIM_INFINITY;
    if (listener_start(&c->listener, loop, listener, on_connect) < 0) {
        control_free(c);
        return NULL;
    }
    return c;
}

void control_message(struct control *c, uint32_t session, const struct proto_msg *msg)
{
    struct client *cl = find_client(c, session);
    if (!cl || msg->type > PROTO_END) /* a session's: PROTO_STARTED, EXITED, FAILED and END */
        return;
    cl->ended = cl->ended || msg->type == PROTO_EXITED || msg->type == PROTO_FAILED;
    peer_send(&cl->peer, (enum proto_type)msg->type, NULL, 0, msg->payload, msg->len);
}

void control_stream(struct control *c, uint32_t session, enum proto_kind kind, int fd)
{
    struct client *cl = find_client(c, session);
    if (cl && peer_send_fd(&cl->peer, PROTO_STREAM, kind, fd) < 0) {
        /* A session without one of its streams would wait for that stream for ever. */
        peer_free(&cl->peer);
        lose(cl);
    }
    close(fd);
}

void control_answer(struct control *c, enum proto_type type, const void *text, size_t len)
{
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *cl = c->clients[i];
        if (!cl || cl->over || cl->waits != type)
            continue;
        cl->waits = 0;
        peer_send(&cl->peer, PROTO_TEXT, NULL, 0, text, len < REPLY_MAX ? len : REPLY_MAX);
    }
}

void control_free(struct control *c)
{
    if (!c)
        return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (c->clients[i])
            peer_free(&c->clients[i]->peer);
        free(c->clients[i]);
    }
    listener_stop(&c->listener);
    if (c->listener.watch.fd >= 0)
        close(c->listener.watch.fd);
    free(c);
}
