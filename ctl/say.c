#include "ctl/say.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/text.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

enum { LINE = 1000 }; /* what is longer is said in pieces */

static void say_text(const struct say *s, const char *text, size_t len, bool whole)
{
    cleanup_buf struct buf shown = {0};
    if (s->to < 0) {
        log_error("in the guest: %.*s", (int)len, text);
        return;
    }
    text_show_lines(&shown, text, len);
    buf_str(&shown, whole ? "\n" : "");
    if (!buf_failed(&shown))
        (void)io_write_all(s->to, shown.data, shown.len);
}

static void say_lines(struct say *s, bool last)
{
    while (s->text.len > 0) {
        size_t len = strcspn(s->text.data, "\n");
        bool whole = len < s->text.len;
        if (!whole && !last && len < LINE)
            return;
        whole = whole && len <= LINE;
        len = len < LINE ? len : LINE;
        say_text(s, s->text.data, len, whole);
        buf_drop(&s->text, len + whole);
    }
}

static bool take(struct say *s)
{
    char chunk[4096];
    ssize_t n = read(s->watch.fd, chunk, sizeof(chunk));
    for (ssize_t i = 0; i < n; i++)
        chunk[i] = chunk[i] ? chunk[i] : ' ';
    if (n > 0)
        buf_add(&s->text, chunk, (size_t)n);
    say_lines(s, false);
    return n > 0;
}

static void ready(struct watch *w, short revents)
{
    (void)revents;
    struct say *s = (struct say *)w;
    if (!take(s))
        loop_remove(s->loop, w);
}

int say_start(struct say *s, struct loop *loop, int to)
{
    int ends[2];
    *s = (struct say){.watch = {.fd = -1, .events = POLLIN, .ready = ready}, .loop = loop, .input = -1, .to = to};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    s->watch.fd = ends[0];
    s->input = ends[1];
    return loop_add(loop, &s->watch);
}

void say_end(struct say *s)
{
    if (!s->loop)
        return;
    loop_remove(s->loop, &s->watch);
    if (s->input >= 0)
        close(steal_fd(&s->input));
    while (s->watch.fd >= 0 && take(s))
        ;
    say_lines(s, true);
    if (s->watch.fd >= 0)
        close(steal_fd(&s->watch.fd));
    buf_free(&s->text);
}
