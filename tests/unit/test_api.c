/* entry/vmm/api.c, against a server that answers as it is told: in pieces, with an error, with what is no HTTP, or not
 * at all.  And the loop's timers, which it waits with. */
#include "entry/vmm/api.h"
#include "entry/vmm/http.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OK "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n"
#define TEXT "HTTP/1.1 200 \r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
#define REFUSED "HTTP/1.1 400 \r\nContent-Length: 28\r\n\r\n{\"fault_message\":\"No \\\"x\\\"\"}"

struct rig {
    char dir[32];
    int run, end[2];
    pid_t server;
    struct api *api;
    struct err err;
};

/* Accepts one connection, and after each request (its body ends with a brace, or it has none) sends the next
 * answer, byte by byte; at the list's end it closes.  NULL in it: never answers. */
static void serve(const char *path, const char *const *answers)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char request[4096];
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    usleep(20000); /* it is tried until it is there */
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 1) < 0)
        _exit(1);
    int fd = accept(listener, NULL, NULL);
    close(listener);
    for (; *answers; answers++) {
        size_t len = 0;
        do {
            ssize_t n = read(fd, request + len, sizeof(request) - len - 1);
            if (n <= 0)
                _exit(0);
            len += (size_t)n;
            request[len] = '\0';
        } while (!strstr(request, "\r\n\r\n") || (strstr(request, "Content-Length") && request[len - 1] != '}'));
        for (const char *c = *answers; *c; c++)
            if (write(fd, c, 1) != 1)
                _exit(0);
    }
    if (answers[1]) /* hangs */
        while (read(fd, request, sizeof(request)) > 0)
            ;
    _exit(0);
}

static void start(struct rig *rig, const char *const *answers)
{
    char path[64];
    *rig = (struct rig){.dir = "/tmp/api.XXXXXX"};
    assert_non_null(mkdtemp(rig->dir));
    snprintf(path, sizeof(path), "%s/s", rig->dir);
    rig->run = open(rig->dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(pipe(rig->end), 0);
    rig->server = fork();
    if (rig->server == 0)
        serve(path, answers);
    rig->api = api_open(rig->run, "s", rig->end[0]);
    assert_non_null(rig->api);
}

static void stop(struct rig *rig)
{
    char path[64];
    api_close(rig->api);
    kill(rig->server, SIGKILL);
    waitpid(rig->server, NULL, 0);
    snprintf(path, sizeof(path), "%s/s", rig->dir);
    unlink(path);
    rmdir(rig->dir);
    close(rig->run);
    close(rig->end[0]);
    close(rig->end[1]);
}

static void test_requests_that_are_waited_for(void **state)
{
    (void)state;
    static const char *const answers[] = {OK, REFUSED, TEXT, OK, NULL, NULL};
    struct rig rig;
    struct buf answer = {0};
    start(&rig, answers);
    assert_int_equal(api_call(rig.api, "PUT", "/drives/root", "{\"a\":1}", NULL, &rig.err), 0);
    assert_int_equal(api_call(rig.api, "PUT", "/vsock", "{}", NULL, &rig.err), -1);
    assert_string_equal(rig.err.text, "Firecracker refuses vsock: No \"x\"");
    assert_int_equal(api_call(rig.api, "GET", "/version", NULL, &answer, &rig.err), 0);
    assert_string_equal(answer.data, "{\"a\":1}");
    assert_int_equal(api_call(rig.api, "PATCH", "/balloon", "{}", NULL, &rig.err), 0);
    buf_free(&answer);
    stop(&rig);
}

/* With all that it may send wrong: no answer ends in anything but a line. */
static void test_no_answer(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {{"", NULL},
                                           {"garbage\r\n\r\n", NULL},
                                           {"HTTP/1.1 200 \r\nContent-Length: 99\r\n\r\n{", NULL},
                                           {"HTTP/1.1 200 \r\nContent-Length: 65537\r\n\r\n", NULL, "hangs"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct rig rig;
        start(&rig, wrong[i]);
        assert_int_equal(api_call(rig.api, "PUT", "/vsock", "{}", NULL, &rig.err), -1);
        assert_non_null(strstr(rig.err.text, "Firecracker does not answer (PUT /vsock): "));
        stop(&rig);
    }
}

static void test_the_end_of_firecracker_ends_the_wait(void **state)
{
    (void)state;
    static const char *const answers[] = {NULL, "hangs", NULL};
    struct rig rig;
    start(&rig, answers);
    assert_int_equal(write(rig.end[1], "x", 1), 1);
    assert_int_equal(api_call(rig.api, "PUT", "/vsock", "{}", NULL, &rig.err), -1);
    assert_string_equal(rig.err.text, "Firecracker ended while it was being configured (/vsock)");
    stop(&rig);
}

/* The kinds of answers, and where they end. */
static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int whole;
        struct http_answer is;
    } rows[] = {
        {OK, 1, {204, sizeof(OK) - 1, 0}},
        {OK OK, 1, {204, sizeof(OK) - 1, 0}},
        {TEXT, 1, {200, sizeof(TEXT) - 8, 7}},
        {"HTTP/1.1 404 Not Found\r\ncontent-length:  \t2 \r\n\r\n{}", 1, {404, 48, 2}},
        {"HTTP/1.1 200\r\n\r\n", 1, {200, 16, 0}},
        {"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n{}", 0, {0}},
        {"HTTP/1.1 200 \r\nContent-Length: 3\r\n", 0, {0}},
        {"HTTP/1.", 0, {0}},
        {"", 0, {0}},
        {"HTTP/1.1 100 Continue\r\n\r\n", -1, {0}},
        {"HTTP/1.1 2000\r\n\r\n", -1, {0}},
        {"HTTP/1.1 +20\r\n\r\n", -1, {0}},
        {"HTTP/2 200\r\n\r\n", -1, {0}},
        {"\r\nHTTP/1.1 200 \r\n\r\n", -1, {0}},
        {"HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n", -1, {0}},
        {"HTTP/1.1 200 \r\nContent-Length: \r\n\r\n", -1, {0}},
        {"HTTP/1.1 200 \r\nContent-Length: 18446744073709551617\r\n\r\n", -1, {0}},
        {"HTTP/1.1 200 \r\nContent-Length: 300\r\n\r\n", -1, {0}},
        {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", -1, {0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct http_answer a;
        assert_int_equal(http_parse(rows[i].text, strlen(rows[i].text), 300, &a), rows[i].whole);
        if (rows[i].whole < 1)
            continue;
        assert_int_equal(a.status, rows[i].is.status);
        assert_int_equal(a.head, rows[i].is.head);
        assert_int_equal(a.length, rows[i].is.length);
    }
}

struct seen {
    bool done;
    int answers;
    long status[4];
};

static void on_answer(void *arg, long status, const char *body, size_t len)
{
    struct seen *s = arg;
    assert_int_equal(strlen(body), len);
    s->status[s->answers++] = status;
    s->done = s->answers == 4;
}

static void too_late(void *arg)
{
    ((struct seen *)arg)->done = true;
}

/* In order, and all on the one connection that was made before: the server takes no other. */
static void test_requests_inside_a_loop(void **state)
{
    (void)state;
    static const char *const answers[] = {OK, OK, REFUSED, TEXT, NULL, NULL};
    struct rig rig;
    struct seen seen = {0};
    struct loop *loop = loop_new();
    start(&rig, answers);
    assert_int_equal(api_call(rig.api, "PUT", "/actions", "{}", NULL, &rig.err), 0);
    api_join(rig.api, loop);
    assert_int_equal(api_send(rig.api, "PUT", "/a", "{}", on_answer, &seen), 0);
    assert_int_equal(api_send(rig.api, "PATCH", "/b", "{}", on_answer, &seen), 0);
    assert_int_equal(api_send(rig.api, "GET", "/c", NULL, on_answer, &seen), 0);
    assert_int_equal(api_send(rig.api, "GET", "/d", NULL, on_answer, &seen), 0);
    loop_deadline(loop, loop_now() + UINT64_C(20000000000), too_late, &seen);
    loop_run(loop, &seen.done);
    assert_int_equal(seen.answers, 4);
    assert_int_equal(seen.status[0], 204);
    assert_int_equal(seen.status[1], 400);
    assert_int_equal(seen.status[2], 200);
    assert_int_equal(seen.status[3], 0); /* closed: and no way to connect again */
    stop(&rig);
    loop_free(loop);
}

/* A server that has stopped costs nothing but what waits. */
static void test_a_server_that_hangs(void **state)
{
    (void)state;
    static const char *const answers[] = {OK, NULL, "hangs", NULL};
    struct rig rig;
    struct seen seen = {0};
    struct loop *loop = loop_new();
    int sent = 0;
    start(&rig, answers);
    assert_int_equal(api_call(rig.api, "PUT", "/actions", "{}", NULL, &rig.err), 0);
    api_join(rig.api, loop);
    while (sent < 1000 && api_send(rig.api, "GET", "/a", NULL, on_answer, &seen) == 0)
        sent++;
    assert_in_range(sent, 1, 100);
    loop_deadline(loop, loop_now() + 200000000, too_late, &seen);
    loop_run(loop, &seen.done);
    assert_int_equal(seen.answers, 0);
    stop(&rig);
    loop_free(loop);
}

struct bell {
    struct timer timer;
    struct loop *loop;
    int rung, *order, place;
};

static void ring(struct timer *t)
{
    struct bell *b = (struct bell *)t;
    b->rung++;
    b->place = ++*b->order;
    if (b->rung < 3)
        loop_timer(b->loop, t, loop_now());
}

static void test_timers(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct seen over = {0};
    int order = 0;
    struct bell early = {{.fired = ring}, loop, 2, &order, 0}, late = early, never = early, again = early;
    uint64_t now = loop_now();
    again.rung = 0;
    loop_timer(loop, &late.timer, now + 40000000);
    loop_timer(loop, &never.timer, now + 10000000);
    loop_timer(loop, &early.timer, now + 900000000);
    loop_timer(loop, &early.timer, now + 20000000);
    loop_timer(loop, &again.timer, now);
    loop_timer(loop, &never.timer, UINT64_MAX);
    loop_deadline(loop, now + 60000000, too_late, &over);
    loop_run(loop, &over.done);
    assert_int_equal(again.rung, 3);
    assert_int_equal(early.place, 4);
    assert_int_equal(late.place, 5);
    assert_int_equal(never.rung, 2);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_are_waited_for),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_the_end_of_firecracker_ends_the_wait),
        cmocka_unit_test(test_requests_inside_a_loop),
        cmocka_unit_test(test_a_server_that_hangs),
        cmocka_unit_test(test_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
