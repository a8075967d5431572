#include "ctl/logfile.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *const streams[LOGFILE_STREAMS] = {"stdout", "stderr"};

int logfile_open(struct logfile *l, int folder)
{
    struct stat st;
    *l = (struct logfile){.folder = folder};
    l->fd = openat(folder, LOGFILE, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (l->fd < 0 || fstat(l->fd, &st) < 0)
        return -1;
    l->size = (uint64_t)st.st_size;
    return 0;
}

static int rotate(struct logfile *l)
{
    if (renameat(l->folder, LOGFILE, l->folder, LOGFILE_BEFORE) < 0)
        return -1;
    int fd = openat(l->folder, LOGFILE, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    close(l->fd);
    l->fd = fd;
    l->size = 0;
    return 0;
}

static void format(struct buf *out, enum logfile_stream stream, bool partial, const char *text, size_t len)
{
    struct timespec now;
    struct tm tm;
    char when[sizeof("2026-11-27T12:00:00")];
    clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &tm) || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        strcpy(when, "1970-01-01T00:00:00");
    buf_fmt(out, "%s.%09ldZ %s %c ", when, now.tv_nsec, streams[stream], partial ? 'P' : 'F');
    buf_add(out, text, len);
    buf_str(out, "\n");
}

/* Writes a whole line or nothing. */
static int put(struct logfile *l, const struct buf *line)
{
    if (l->size + line->len > LOGFILE_MAX && l->size > 0 && rotate(l) < 0)
        return -1;
    if (io_write_all(l->fd, line->data, line->len) < 0) {
        int saved = errno;
        if (ftruncate(l->fd, (off_t)l->size) < 0)
            l->size = LOGFILE_MAX; /* the next one begins another file */
        errno = saved;
        return -1;
    }
    l->size += line->len;
    return 0;
}

static void say_lost(struct logfile *l)
{
    char text[128];
    cleanup_buf struct buf line = {0};
    int len = snprintf(text, sizeof(text), "ctr-jailer: %" PRIu64 " bytes of output were lost: %s", l->lost,
                       strerror(l->error));
    format(&line, LOGFILE_STDERR, false, text, (size_t)len);
    if (!buf_failed(&line) && put(l, &line) == 0)
        l->lost = 0;
}

static void write_line(struct logfile *l, enum logfile_stream stream, bool partial, const char *text, size_t len)
{
    cleanup_buf struct buf line = {0};
    if (l->lost > 0)
        say_lost(l);
    format(&line, stream, partial, text, len);
    errno = ENOMEM;
    if (buf_failed(&line) || put(l, &line) < 0) {
        l->lost += len;
        l->error = errno;
    }
}

/* The whole lines of a stream, and of a line that is too long the parts that are full. */
static void write_lines(struct logfile *l, enum logfile_stream stream)
{
    struct buf *b = &l->unfinished[stream];
    size_t used = 0;
    while (used < b->len) {
        const char *at = b->data + used, *end = memchr(at, '\n', b->len - used);
        size_t len = end ? (size_t)(end - at) : b->len - used;
        bool partial = len > LOGFILE_LINE;
        if (!end && len < LOGFILE_LINE)
            break;
        len = partial || !end ? LOGFILE_LINE : len;
        write_line(l, stream, partial || !end, at, len);
        used += len + !(partial || !end);
    }
    buf_drop(b, used);
}

void logfile_add(struct logfile *l, enum logfile_stream stream, const char *text, size_t len)
{
    struct buf *b = &l->unfinished[stream];
    buf_add(b, text, len);
    if (buf_failed(b)) {
        l->lost += b->len + len;
        l->error = ENOMEM;
        buf_free(b);
        *b = (struct buf){0};
    }
    write_lines(l, stream);
}

void logfile_close(struct logfile *l)
{
    for (int i = 0; i < LOGFILE_STREAMS; i++) {
        struct buf *b = &l->unfinished[i];
        if (b->len > 0)
            write_line(l, (enum logfile_stream)i, true, b->data, b->len);
        buf_free(b);
    }
    if (l->lost > 0)
        say_lost(l);
    close(steal_fd(&l->fd));
}

size_t logfile_next(const char *text, size_t len, struct logfile_line *out)
{
    const char *end = memchr(text, '\n', len);
    *out = (struct logfile_line){0};
    if (!end)
        return 0;
    size_t used = (size_t)(end - text) + 1;
    const char *stream = memchr(text, ' ', used), *tag = stream ? stream + 1 + strlen(streams[0]) : NULL;
    if (!stream || end - stream < (ptrdiff_t)strlen(" stdout F ") || tag[0] != ' ' || tag[2] != ' ' ||
        (tag[1] != 'F' && tag[1] != 'P'))
        return used;
    int which = 0;
    while (which < LOGFILE_STREAMS && strncmp(stream + 1, streams[which], strlen(streams[0])) != 0)
        which++;
    if (which == LOGFILE_STREAMS)
        return used;
    *out = (struct logfile_line){.time = text,
                                 .time_len = (size_t)(stream - text),
                                 .text = tag + 3,
                                 .text_len = (size_t)(end - (tag + 3)),
                                 .stream = (enum logfile_stream)which,
                                 .partial = tag[1] == 'P'};
    return used;
}
