#include "common/err.h"
#include "common/io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct err *err, const char *fmt, va_list ap)
{
    size_t used = strlen(err->text);
    vsnprintf(err->text + used, sizeof(err->text) - used, fmt, ap);
}

int err_set(struct err *err, const char *fmt, ...)
{
    if (!err || err->text[0])
        return -1;
    va_list ap;
    va_start(ap, fmt);
    append(err, fmt, ap);
    va_end(ap);
    return -1;
}

int err_sys(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    if (!err || err->text[0])
        return -1;
    va_list ap;
    va_start(ap, fmt);
    append(err, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s",
             saved == IO_NOT_REGULAR ? "it is not a regular file" : strerror(saved));
    errno = saved;
    return -1;
}

void err_hint(struct err *err, const char *fmt, ...)
{
    if (!err || !err->text[0])
        return;
    char hint[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(hint, sizeof(hint), fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, " (%s)", hint);
}
