#include "common/log.h"

#include "common/io.h"
#include "common/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_name = "ctr-jailer";
static enum log_level log_limit = LOG_WARN;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_init(const char *name)
{
    log_name = name;
}

void log_set_level(enum log_level level)
{
    log_limit = level;
}

bool log_shows(enum log_level level)
{
    return level <= log_limit;
}

int log_level_parse(const char *text)
{
    if (strcasecmp(text, "warning") == 0) /* as most others call it */
        return LOG_WARN;
    for (int i = 0; i <= LOG_DEBUG; i++)
        if (strcasecmp(text, level_names[i]) == 0)
            return i;
    return -1;
}

void log_at(enum log_level level, const char *fmt, ...)
{
    if (!log_shows(level))
        return;
    int saved = errno;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    /* One write per line: lines of concurrent processes do not mix. */
    char line[sizeof(text) * 4 + 64];
    int n = snprintf(line, 64, "%.40s: %s", log_name, level == LOG_WARN ? "warning: " : "");
    size_t len = (size_t)n;
    size_t left = strlen(text), shown;
    for (const char *c = text; left > 0; len += shown) {
        size_t took = text_show(c, left, line + len, &shown);
        c += took;
        left -= took;
    }
    line[len++] = '\n';
    (void)io_write_all(STDERR_FILENO, line, len);
    errno = saved;
}
