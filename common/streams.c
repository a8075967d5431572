#include "common/streams.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/pump.h"

#include <string.h>
#include <sys/socket.h>

struct stream {
    struct pump pump; /* first: a pump is its stream */
    struct streams *all;
    enum proto_kind kind;
    int guest;      /* the connection; -1: none (any more) */
    int local;      /* our output, for stdout and stderr; opened first, since a sandbox may follow */
    int failed;     /* errno of that */
    size_t chunk;   /* pump_output's */
    bool met;       /* there was a connection */
    uint64_t bytes; /* all that comes over it */
};

struct streams {
    struct loop *loop;
    void (*changed)(void *arg);
    void *arg;
    bool tty;
    struct stream stream[PROTO_KINDS];
};

static void close_stream(struct stream *st)
{
    pump_stop(&st->pump);
    if (st->guest >= 0)
        close(steal_fd(&st->guest));
    if (st->local >= 0)
        close(steal_fd(&st->local));
}

/* A pump has nothing more to copy.  By the connection's end, the guest learns that stdin is at its end, or, at its next
 * write, that nobody reads its output any more. */
static void stream_ended(struct pump *p)
{
    struct stream *st = (struct stream *)p;
    close_stream(st);
    st->all->changed(st->all->arg);
}

static void open_local(struct stream *st, int fd)
{
    st->local = pump_output(fd, &st->chunk);
    st->failed = st->local < 0 ? errno : 0;
}

struct streams *streams_new(struct loop *loop, bool stdin_wanted, bool tty, void (*changed)(void *arg), void *arg)
{
    struct streams *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->loop = loop;
    s->changed = changed;
    s->arg = arg;
    s->tty = tty;
    s->stream[PROTO_STDIN].met = !stdin_wanted;
    s->stream[PROTO_STDERR].met = tty;
    for (int kind = 0; kind < PROTO_KINDS; kind++) {
        s->stream[kind].all = s;
        s->stream[kind].kind = (enum proto_kind)kind;
        s->stream[kind].guest = s->stream[kind].local = -1;
        s->stream[kind].bytes = UINT64_MAX;
    }
    open_local(&s->stream[PROTO_STDOUT], STDOUT_FILENO);
    if (!tty)
        open_local(&s->stream[PROTO_STDERR], STDERR_FILENO);
    return s;
}

void streams_redirect(struct streams *s, enum proto_kind kind, int fd)
{
    if (s->stream[kind].local >= 0)
        close(s->stream[kind].local);
    open_local(&s->stream[kind], fd);
}

void streams_join(struct streams *s, enum proto_kind kind, int fd)
{
    struct stream *st = &s->stream[kind];
    if (st->met || kind == PROTO_CONTROL) {
        close(fd);
        return;
    }
    st->met = true;
    st->guest = fd;
    errno = st->failed;
    int r = st->failed            ? -1
            : kind == PROTO_STDIN ? pump_start(&st->pump, s->loop, STDIN_FILENO, fd, 0, stream_ended)
                                  : pump_start(&st->pump, s->loop, fd, st->local, st->chunk, stream_ended);
    if (r < 0) {
        log_warn("cannot join the command's stream %d: %s", kind, strerror(errno));
        close_stream(st);
    } else {
        pump_limit(&st->pump, st->bytes);
    }
}

void streams_end(struct streams *s, const struct proto_msg *msg)
{
    uint32_t kind, low, high;
    if (!proto_field(msg, 1, &kind) || !proto_field(msg, 2, &low) || !proto_field(msg, 3, &high) ||
        (kind != PROTO_STDOUT && kind != PROTO_STDERR))
        return;
    struct stream *st = &s->stream[kind];
    st->bytes = (uint64_t)high << 32 | low;
    pump_limit(&st->pump, st->bytes);
}

bool streams_drained(const struct streams *s)
{
    for (int kind = PROTO_STDOUT; kind <= (s->tty ? PROTO_STDOUT : PROTO_STDERR); kind++)
        if (!s->stream[kind].met || s->stream[kind].guest >= 0)
            return false;
    return true;
}

bool streams_open(const struct streams *s)
{
    return s->stream[PROTO_STDOUT].guest >= 0 || s->stream[PROTO_STDERR].guest >= 0;
}

void streams_free(struct streams *s)
{
    if (!s)
        return;
    for (int kind = 0; kind < PROTO_KINDS; kind++)
        close_stream(&s->stream[kind]);
    free(s);
}
