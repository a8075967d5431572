/* libcurl's multi interface inside our loop (libcurl-multi(3), "multi_socket"): curl says which descriptor and which
 * timeout it waits for, we tell it what has happened.  Waiting for a request is the same with a loop of its own. */
#include "entry/vmm/api.h"

#include "common/cancel.h"
#include "common/json.h"
#include "entry/host/failure.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define RETRY UINT64_C(2000000) /* ns */
enum { ANSWER_MAX = 64 * 1024, WAITING_MAX = 8, CALL_TIMEOUT = 60 /* seconds */, END_TIMEOUT = 500 /* ms */ };

struct request {
    struct request *next;
    const char *method;
    char url[128];
    char *body;
    api_done *done;
    void *arg;
};

struct api {
    CURLM *multi;
    CURL *easy;
    char socket[64];
    struct loop *loop;
    struct watch connection;
    struct timer timeout, retry; /* curl's; and ours, while the socket is not there yet */
    bool watched, joined, busy;
    struct request *first; /* the one under way, when busy */
    unsigned count;
    struct buf answer;
    int process;
};

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
    struct api *a = arg;
    size_t len = size * count;
    if (a->answer.len + len > ANSWER_MAX)
        return 0; /* curl fails the transfer */
    buf_add(&a->answer, data, len);
    return buf_failed(&a->answer) ? 0 : len;
}

static void begin(struct api *a)
{
    const struct request *r = a->first;
    if (!r || a->busy)
        return;
    a->busy = true;
    a->answer.len = 0;
    curl_easy_setopt(a->easy, CURLOPT_HTTPGET, 1L);
    if (r->body)
        curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, r->body);
    curl_easy_setopt(a->easy, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(a->easy, CURLOPT_URL, r->url);
    if (curl_multi_add_handle(a->multi, a->easy) != CURLM_OK) /* without memory; what waits for the answer gives up */
        loop_timer(a->loop, &a->retry, loop_now() + RETRY);
}

static struct request *take(struct api *a)
{
    struct request *r = a->first;
    a->first = r->next;
    a->count--;
    a->busy = false;
    return r;
}

static void free_request(struct request *r)
{
    free(r->body);
    free(r);
}

static void finish(struct api *a, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(a->multi, a->easy);
    if (code == CURLE_COULDNT_CONNECT && !a->joined) {
        loop_timer(a->loop, &a->retry, loop_now() + RETRY);
        return;
    }
    struct request *r = take(a);
    if (code != CURLE_OK)
        r->done(r->arg, 0, curl_easy_strerror(code), strlen(curl_easy_strerror(code)));
    else
        r->done(r->arg, status, a->answer.data ? a->answer.data : "", a->answer.len);
    free_request(r);
    begin(a);
}

/* The socket is bound some milliseconds after the jailer's start, and without a sign that could be waited for. */
static void try_again(struct timer *t)
{
    struct api *a = (struct api *)((char *)t - offsetof(struct api, retry));
    a->busy = false;
    begin(a);
}

/* fd CURL_SOCKET_TIMEOUT: the time that curl wanted to be woken at. */
static void act(struct api *a, curl_socket_t fd, int events)
{
    int running, left;
    curl_multi_socket_action(a->multi, fd, events, &running);
    const CURLMsg *m = curl_multi_info_read(a->multi, &left);
    if (m && m->msg == CURLMSG_DONE)
        finish(a, m->data.result);
}

static void on_ready(struct watch *w, short revents)
{
    int events = (revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) | (revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
                 (revents & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
    act((struct api *)((char *)w - offsetof(struct api, connection)), w->fd, events);
}

static void on_timeout(struct timer *t)
{
    act((struct api *)((char *)t - offsetof(struct api, timeout)), CURL_SOCKET_TIMEOUT, 0);
}

/* One connection, so one descriptor at a time. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
    (void)easy, (void)mine;
    struct api *a = arg;
    if (a->watched)
        loop_remove(a->loop, &a->connection);
    a->connection.fd = fd;
    a->connection.events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    a->watched = what != CURL_POLL_REMOVE;
    return a->watched ? loop_add(a->loop, &a->connection) : 0;
}

static int want_timeout(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct api *a = arg;
    loop_timer(a->loop, &a->timeout, ms < 0 ? UINT64_MAX : loop_now() + (uint64_t)ms * 1000000);
    return 0;
}

static void set_options(struct api *a)
{
    curl_multi_setopt(a->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(a->multi, CURLMOPT_SOCKETDATA, a);
    curl_multi_setopt(a->multi, CURLMOPT_TIMERFUNCTION, want_timeout);
    curl_multi_setopt(a->multi, CURLMOPT_TIMERDATA, a);
    curl_easy_setopt(a->easy, CURLOPT_UNIX_SOCKET_PATH, a->socket);
    curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(a->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(a->easy, CURLOPT_MAXAGE_CONN, (long)INT32_MAX); /* seconds; 118 by default */
}

struct api *api_open(int run, const char *name, int process)
{
    struct api *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->connection.ready = on_ready;
    a->timeout.fired = on_timeout;
    a->retry.fired = try_again;
    a->process = process;
    /* By descriptor: a socket's path may have 107 bytes, the jail's more. */
    snprintf(a->socket, sizeof(a->socket), "/proc/self/fd/%d/%s", run, name);
    a->loop = loop_new();
    a->multi = curl_multi_init();
    a->easy = curl_easy_init();
    if (a->loop && a->multi && a->easy) {
        set_options(a);
        return a;
    }
    api_close(a);
    return NULL;
}

int api_send(struct api *a, const char *method, const char *path, const char *body, api_done *done, void *arg)
{
    struct request *r = a->count < WAITING_MAX ? calloc(1, sizeof(*r)) : NULL;
    char *copy = r && body ? strdup(body) : NULL;
    if (!r || (body && !copy)) {
        free(r);
        return -1;
    }
    *r = (struct request){.method = method, .body = copy, .done = done, .arg = arg};
    snprintf(r->url, sizeof(r->url), "http://localhost%s", path);
    struct request **last = &a->first;
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
        cancel_wait(c->api->process, END_TIMEOUT); /* its end, if that is why, is known a little later */
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
    struct call *c = (struct call *)((char *)w - offsetof(struct call, process));
    err_set(c->err, "Firecracker ended while it was being configured (%s)", c->path);
    c->over = true;
}

static void on_cancel(struct watch *w, short revents)
{
    (void)revents;
    struct call *c = (struct call *)((char *)w - offsetof(struct call, cancel));
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
        return err_set(err, "out of memory configuring Firecracker");
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
    loop_free(a->loop);
    a->loop = loop;
    a->joined = true;
}

int api_connection(const struct api *a)
{
    return a->watched ? a->connection.fd : -1;
}

void api_close(struct api *a)
{
    if (!a)
        return;
    if (a->busy)
        curl_multi_remove_handle(a->multi, a->easy);
    curl_easy_cleanup(a->easy);
    curl_multi_cleanup(a->multi);
    while (a->first)
        free_request(take(a));
    if (a->loop) {
        loop_remove(a->loop, &a->connection);
        loop_timer(a->loop, &a->timeout, UINT64_MAX);
        loop_timer(a->loop, &a->retry, UINT64_MAX);
    }
    if (!a->joined)
        loop_free(a->loop);
    buf_free(&a->answer);
    free(a);
}
