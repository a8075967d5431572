/* A request has three states: it waits, its text goes out, its reply comes in.  Any failure on the way ends the
 * connection, since replies could no longer be matched to requests. */
#include "entry/vmm/api.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/container.h"
#include "common/json.h"
#include "common/units.h"
#include "entry/host/failure.h"
#include "entry/vmm/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RETRY UINT64_C(2000000) /* ns */
enum { ANSWER_MAX = 64 * 1024, WAITING_MAX = 8, CALL_TIMEOUT = 60 /* seconds */, END_TIMEOUT = 500 /* ms */ };

struct api_request {
    struct api_request *next;
    struct buf text;
    api_done *done;
    void *arg;
};

struct api {
    struct sockaddr_un address;
    struct loop *loop;
    struct watch connection; /* fd -1: no connection, and not in the loop */
    struct timer again;
    bool joined, busy;
    struct api_request *first; /* the one under way, when busy */
    unsigned count;
    size_t sent; /* of its text */
    struct buf answer;
    int process;
};

static void free_request(struct api_request *r)
{
    buf_free(&r->text);
    free(r);
}

static void disconnect(struct api *a)
{
    if (a->connection.fd < 0)
        return;
    loop_remove(a->loop, &a->connection);
    close(steal_fd(&a->connection.fd));
}

/* Firecracker binds the socket some milliseconds after the jailer's start, and no event tells when. */
static int connect_now(struct api *a)
{
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a->address, sizeof(a->address)) < 0)
        return -1;
    if (loop_add(a->loop, &a->connection) < 0)
        return -1;
    a->connection.fd = steal_fd(&fd);
    return 0;
}

static void begin(struct api *a)
{
    if (!a->first || a->busy)
        return;
    a->busy = true;
    a->sent = a->answer.len = 0;
    if (a->connection.fd < 0 && (a->joined || connect_now(a) < 0))
        loop_timer(a->loop, &a->again, loop_now() + (a->joined ? 0 : RETRY));
    else
        a->connection.events = POLLIN | POLLOUT;
}

static void finish_request(struct api *a, long status, const char *body, size_t len)
{
    struct api_request *r = a->first;
    a->first = r->next;
    a->count--;
    a->busy = false;
    a->connection.events = POLLIN;
    r->done(r->arg, status, body, len);
    free_request(r);
    begin(a);
}

static void fail(struct api *a, const char *why)
{
    disconnect(a);
    if (a->busy)
        finish_request(a, 0, why, strlen(why));
}

static void try_again(struct timer *t)
{
    struct api *a = container_of(t, struct api, again);
    if (a->joined) {
        fail(a, "it closed the connection");
        return;
    }
    a->busy = false;
    begin(a);
}

static int send_request(struct api *a)
{
    const struct buf *text = &a->first->text;
    ssize_t n = send(a->connection.fd, text->data + a->sent, text->len - a->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    a->sent += (size_t)n;
    if (a->sent == text->len)
        a->connection.events = POLLIN;
    return 0;
}

static void take_answer(struct api *a)
{
    struct http_answer answer;
    int whole = http_parse(a->answer.data, a->answer.len, ANSWER_MAX, &answer);
    if (whole < 0)
        fail(a, "it sent an invalid HTTP reply");
    if (whole <= 0)
        return;
    if (a->answer.len > answer.head + answer.length)
        disconnect(a); /* that was for no request */
    a->answer.data[answer.head + answer.length] = '\0';
    finish_request(a, answer.status, a->answer.data + answer.head, answer.length);
}

static void on_ready(struct watch *w, short revents)
{
    struct api *a = container_of(w, struct api, connection);
    char chunk[4096];
    if (a->busy && (revents & POLLOUT) && send_request(a) < 0) {
        fail(a, strerror(errno));
        return;
    }
    if (!(revents & ~POLLOUT))
        return;
    ssize_t n = recv(w->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !a->busy) {
        fail(a, n < 0 ? strerror(errno) : "it closed the connection");
        return;
    }
    buf_add(&a->answer, chunk, (size_t)n);
    if (buf_failed(&a->answer))
        fail(a, "out of memory");
    else
        take_answer(a);
}

struct api *api_open(int run, const char *name, int process)
{
    struct api *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->connection = (struct watch){.fd = -1, .ready = on_ready};
    a->again.fired = try_again;
    a->process = process;
    /* Through a descriptor, because a socket's path is limited to 107 bytes, and the jail's may be longer. */
    a->address.sun_family = AF_UNIX;
    snprintf(a->address.sun_path, sizeof(a->address.sun_path), "/proc/self/fd/%d/%s", run, name);
    a->loop = loop_new();
    if (a->loop)
        return a;
    free(a);
    return NULL;
}

int api_send(struct api *a, const char *method, const char *path, const char *body, api_done *done, void *arg)
{
    struct api_request *r = a->count < WAITING_MAX ? calloc(1, sizeof(*r)) : NULL;
    if (!r)
        return -1;
    *r = (struct api_request){.done = done, .arg = arg};
    http_request(&r->text, method, path, body);
    if (buf_failed(&r->text)) {
        free_request(r);
        return -1;
    }
    struct api_request **last = &a->first;
    while (*last)
        last = &(*last)->next;
    *last = r;
    a->count++;
    begin(a);
    return 0;
}

/* A request that is waited for. */
struct call {
    struct api *api;
    struct watch process, cancel;
    const char *method, *path;
    struct buf *answer;
    struct err *err;
    bool over;
    int result;
};

static void on_answer(void *arg, long status, const char *body, size_t len)
{
    struct call *c = arg;
    char fault[768];
    c->over = true;
    if (status >= 200 && status < 300) {
        c->result = 0;
        if (c->answer)
            buf_add(c->answer, body, len);
    } else if (status == 0) {
        /* if Firecracker's end is the reason, that becomes known a little later */
        cancel_wait(c->api->process, END_TIMEOUT);
        err_set(c->err, "Firecracker does not answer (%s %s): %s", c->method, c->path, body);
    } else {
        if (json_get_string(body, len, "fault_message", fault, sizeof(fault)) < 0)
            snprintf(fault, sizeof(fault), "HTTP status %ld", status);
        err_set(c->err, "Firecracker refuses %s: %s", c->path + 1, fault);
        if (c->err)
            failure_hint(c->err->text, c->err);
    }
}

static void nobody_waits(void *arg, long status, const char *body, size_t len)
{
    (void)arg, (void)status, (void)body, (void)len;
}

static void on_end(struct watch *w, short revents)
{
    (void)revents;
    struct call *c = container_of(w, struct call, process);
    err_set(c->err, "Firecracker ended while it was being configured (%s)", c->path);
    c->over = true;
}

static void on_cancel(struct watch *w, short revents)
{
    (void)revents;
    struct call *c = container_of(w, struct call, cancel);
    err_set(c->err, "cancelled");
    c->over = true;
}

static void on_deadline(void *arg)
{
    struct call *c = arg;
    err_set(c->err, "Firecracker does not answer (%s %s) within %d seconds", c->method, c->path, CALL_TIMEOUT);
    err_hint(c->err, "it may have too little memory or CPU time: raise the container's limits");
    c->over = true;
}

int api_call(struct api *a, const char *method, const char *path, const char *body, struct buf *answer, struct err *err)
{
    struct call c = {.api = a,
                     .process = {.fd = a->process, .events = POLLIN, .ready = on_end},
                     .cancel = {.fd = cancel_fd(), .events = POLLIN, .ready = on_cancel},
                     .method = method,
                     .path = path,
                     .answer = answer,
                     .err = err,
                     .result = -1};
    if (loop_add(a->loop, &c.process) < 0 || loop_add(a->loop, &c.cancel) < 0 ||
        api_send(a, method, path, body, on_answer, &c) < 0)
        return err_set(err, "out of memory while configuring Firecracker");
    loop_deadline(a->loop, loop_now() + CALL_TIMEOUT * SECOND, on_deadline, &c);
    loop_run(a->loop, &c.over);
    if (a->first)
        a->first->done = nobody_waits;
    loop_remove(a->loop, &c.process);
    loop_remove(a->loop, &c.cancel);
    return c.result;
}

void api_join(struct api *a, struct loop *loop)
{
    bool connected = a->connection.fd >= 0;
    loop_free(a->loop);
    a->loop = loop;
    a->joined = true;
    if (connected && loop_add(loop, &a->connection) < 0)
        close(steal_fd(&a->connection.fd));
}

int api_connection(const struct api *a)
{
    return a->connection.fd;
}

void api_close(struct api *a)
{
    if (!a)
        return;
    disconnect(a);
    loop_timer(a->loop, &a->again, UINT64_MAX);
    while (a->first) {
        struct api_request *r = a->first;
        a->first = r->next;
        free_request(r);
    }
    if (!a->joined)
        loop_free(a->loop);
    buf_free(&a->answer);
    free(a);
}
