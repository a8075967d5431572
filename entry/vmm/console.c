#include "entry/vmm/console.h"

#include "common/array.h"
#include "common/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEEP = 64 * 1024, CHUNK = 4096 };

struct console {
    struct watch watch; /* first: a watch is its console */
    struct loop *loop;
    struct buf text;
    size_t logged; /* up to here lines went to the debug log */
    const char *name;
    void (*line)(void *arg, const char *line);
    void *arg;
    char summary[256];
};

/* Complete lines go to the debug log as they come. */
static void log_lines(struct console *c)
{
    for (;;) {
        const char *line = c->text.data + c->logged;
        const char *end = memchr(line, '\n', c->text.len - c->logged);
        if (!end)
            return;
        char text[1024];
        snprintf(text, sizeof(text), "%.*s", (int)(end - line - (end > line && end[-1] == '\r')), line);
        log_debug("%s: %s", c->name, text);
        if (c->line)
            c->line(c->arg, text);
        c->logged += (size_t)(end - line) + 1;
    }
}

/* False when there is nothing more. */
static bool read_chunk(struct console *c)
{
    char chunk[CHUNK];
    ssize_t n = read(c->watch.fd, chunk, sizeof(chunk));
    if (n <= 0)
        return false;
    for (ssize_t i = 0; i < n; i++)
        chunk[i] = chunk[i] ? chunk[i] : ' '; /* it is text from here on */
    buf_add(&c->text, chunk, (size_t)n);
    if (c->text.data)
        log_lines(c);
    if (c->text.len > 2 * KEEP) {
        size_t drop = c->text.len - KEEP;
        buf_drop(&c->text, drop);
        c->logged = c->logged > drop ? c->logged - drop : 0;
    }
    return true;
}

static void ready(struct watch *w, short revents)
{
    struct console *c = (struct console *)w;
    if (!read_chunk(c) && (revents & (POLLHUP | POLLERR)))
        loop_remove(c->loop, w);
}

struct console *console_new(struct loop *loop, int fd, const char *name, void (*line)(void *arg, const char *line),
                            void *arg)
{
    struct console *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->loop = loop;
    c->name = name;
    c->line = line;
    c->arg = arg;
    c->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = ready};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || loop_add(loop, &c->watch) < 0) {
        free(c);
        return NULL;
    }
    return c;
}

void console_drain(struct console *c)
{
    for (int chunks = 2 * KEEP / CHUNK; chunks > 0 && read_chunk(c); chunks--)
        ;
}

const char *console_summary(struct console *c)
{
    static const char *const telling[] = {"Kernel panic - not syncing", "init: ", "Error: "};
    const char *found = NULL;
    if (!c->text.data)
        return "(nothing)";
    for (size_t i = 0; !found && i < COUNT(telling); i++)
        found = strstr(c->text.data, telling[i]);
    if (!found) {
        size_t len = c->text.len;
        while (len > 0 && strchr("\r\n ", c->text.data[len - 1]))
            len--;
        const char *line = memrchr(c->text.data, '\n', len);
        found = line ? line + 1 : c->text.data;
    }
    snprintf(c->summary, sizeof(c->summary), "%.*s", (int)strcspn(found, "\r\n"), found);
    return c->summary;
}

const struct buf *console_text(const struct console *c)
{
    return &c->text;
}

void console_free(struct console *c)
{
    if (!c)
        return;
    loop_remove(c->loop, &c->watch);
    buf_free(&c->text);
    free(c);
}
