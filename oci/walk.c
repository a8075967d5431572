#include "oci/walk.h"

#include "common/cleanup.h"
#include "common/num.h"

#include <stdarg.h>
#include <string.h>

enum { MEMBERS_MAX = 64 };

void walk_warn(struct walk *w, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    buf_add(w->warnings, line, strlen(line) + 1);
}

bool walk_says(const struct walk *w, int item)
{
    static const char *const nothing[] = {"null", "false", "0", "\"\"", NULL};
    size_t len;
    const char *raw = jsonread_raw(w->json, item, &len);
    for (int i = 0; nothing[i]; i++)
        if (len == strlen(nothing[i]) && memcmp(raw, nothing[i], len) == 0)
            return false;
    return item >= 0 && !((*raw == '[' || *raw == '{') && jsonread_first(w->json, item) < 0);
}

void walk_keep(struct walk *w, const char *key, int item)
{
    size_t len;
    const char *raw = jsonread_raw(w->json, item, &len);
    json_raw(&w->to, key, raw, len);
}

void walk_prefixed(struct walk *w, const char *prefix, int item)
{
    size_t len;
    cleanup_buf struct buf text = {0};
    const char *raw = jsonread_raw(w->json, item, &len);
    buf_fmt(&text, "\"%s", prefix);
    buf_add(&text, raw + 1, len - 1);
    w->to.out->failed |= buf_failed(&text);
    json_raw(&w->to, NULL, text.data ? text.data : "", text.len);
}

int walk_array(struct walk *w, int array, const char *path)
{
    if (array >= 0 && !jsonread_is(w->json, array, '[') && !jsonread_is(w->json, array, 'n'))
        err_set(w->err, "%s: is not a list", path);
    return jsonread_is(w->json, array, '[') ? jsonread_first(w->json, array) : -1;
}

int walk_number(struct walk *w, int item, const char *path, uint64_t max, uint64_t *out)
{
    char text[24];
    size_t len;
    const char *raw = jsonread_raw(w->json, item, &len);
    snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : 0), raw);
    return num_parse(text, 0, max, out) < 0
               ? err_set(w->err, "%s: is not a whole number up to %llu", path, (unsigned long long)max)
               : 0;
}

char *walk_string(struct walk *w, int item, const char *path)
{
    char *text = jsonread_string(w->json, item);
    if (!text)
        err_set(w->err, "%s: is not a string without a NUL", path);
    return text;
}

static int judge(struct walk *w, const char *path, const struct member *m, int item)
{
    const char *why = m->why ? m->why : "", *gap = m->why ? " " : "";
    if (m->fate == FATE_TAKEN)
        return m->take(w, item);
    if (m->fate == FATE_NOTED)
        *(int *)((char *)w->arg + m->at) = item;
    if (m->fate == FATE_KEPT)
        walk_keep(w, m->key, item);
    if (m->fate == FATE_LOST && walk_says(w, item))
        walk_warn(w, "%s.%s is not carried into the VM%s%s", path, m->key, gap, why);
    if (m->fate == FATE_REFUSED && walk_says(w, item))
        return err_set(w->err, "%s.%s is not supported%s%s", path, m->key, gap, why);
    return 0;
}

int walk_members(struct walk *w, int object, const char *path, const struct member *members, size_t count)
{
    bool seen[MEMBERS_MAX] = {false};
    if (object < 0 || jsonread_is(w->json, object, 'n'))
        return 0;
    if (!jsonread_is(w->json, object, '{'))
        return err_set(w->err, "%s: is not an object", path);
    for (int k = jsonread_first(w->json, object); k >= 0; k = jsonread_next(w->json, k)) {
        int item = jsonread_first(w->json, k);
        size_t i = 0;
        cleanup_free char *key = walk_string(w, k, path);
        if (!key || item < 0)
            return err_set(w->err, "%s: has a member without a value", path);
        while (i < count && strcmp(members[i].key, key) != 0)
            i++;
        if (i < count && seen[i])
            return err_set(w->err, "%s.%s is there twice", path, key);
        if (i == count && walk_says(w, item))
            walk_warn(w, "%s.%.100s is unknown and not carried into the VM", path, key);
        if (i == count || jsonread_is(w->json, item, 'n'))
            continue;
        seen[i] = true;
        if (judge(w, path, &members[i], item) < 0)
            return -1;
    }
    return 0;
}

static int write_object(struct walk *w, int (*write)(struct walk *w, const void *plan), const void *plan)
{
    if (!jsonread_is(w->json, 0, '{'))
        return err_set(w->err, "is not an object");
    json_open(&w->to, NULL, '{');
    int rc = write(w, plan);
    json_close(&w->to, '}');
    return rc;
}

int walk_text(const char *name, const char *text, size_t len, int (*write)(struct walk *w, const void *plan),
              const void *plan, struct buf *out, struct buf *warnings, struct err *err)
{
    struct jsonread json;
    struct err why = {0};
    if (jsonread_open(&json, text, len) < 0)
        return err_set(err, "%s is not JSON", name);
    struct walk w = {.json = &json, .to = {.out = out}, .warnings = warnings, .err = &why};
    int rc = write_object(&w, write, plan);
    jsonread_close(&json);
    if (rc < 0)
        return err_set(err, "%s: %s", name, why.text);
    return buf_failed(out) || buf_failed(warnings) ? err_set(err, "out of memory") : 0;
}
