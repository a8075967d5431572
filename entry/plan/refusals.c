#include "entry/plan/refusals.h"

#include "common/log.h"

#include <string.h>

void refusals_take(struct refusals *r, struct err *err)
{
    if (err->text[0])
        buf_add(&r->lines, err->text, strlen(err->text) + 1);
    *err = (struct err){0};
}

bool refusals_any(const struct refusals *r)
{
    return r->lines.len > 0 || buf_failed(&r->lines);
}

void refusals_log(const struct refusals *r)
{
    for (size_t at = 0; at < r->lines.len; at += strlen(r->lines.data + at) + 1)
        log_error("%s", r->lines.data + at);
    if (buf_failed(&r->lines))
        log_error("out of memory");
}

void refusals_free(struct refusals *r)
{
    buf_free(&r->lines);
}
