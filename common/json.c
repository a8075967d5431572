#include "common/json.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/num.h"
#include "common/text.h"

#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERS_MAX = 8192 }; /* tokens: Firecracker's metrics have about 1000 */

static void add_text(struct buf *out, const char *text, bool quoted)
{
    size_t left = strlen(text);
    uint32_t code;
    buf_str(out, quoted ? "\"" : "");
    for (size_t len; left > 0; text += len, left -= len) {
        len = text_decode(text, left, &code);
        if (len == 0)
            buf_str(out, "\\ufffd");
        else if (quoted && (code == '"' || code == '\\'))
            buf_fmt(out, "\\%c", *text);
        else if (text_steers(code)) /* plain text even on a terminal */
            buf_fmt(out, "\\u%04x", code);
        else
            buf_add(out, text, len);
        len = len ? len : 1;
    }
    buf_str(out, quoted ? "\"" : "");
}

static void break_line(struct json *j, int depth)
{
    buf_fmt(j->out, "\n%*s", 2 * depth, "");
}

static void begin_line(struct json *j, const char *key)
{
    if (j->in_list)
        buf_str(j->out, j->first ? "" : ", ");
    else if (j->out->len > 0)
        break_line(j, j->depth - 1);
    if (key)
        buf_fmt(j->out, "%s: ", key);
    j->first = false;
}

static void item(struct json *j, const char *key)
{
    if (j->lines) {
        begin_line(j, key);
        return;
    }
    if (!j->first && j->out->len > 0)
        buf_str(j->out, ",");
    j->first = false;
    if (j->indented && j->depth > 0)
        break_line(j, j->depth);
    if (key) {
        add_text(j->out, key, true);
        buf_str(j->out, j->indented ? ": " : ":");
    }
}

void json_open(struct json *j, const char *key, char bracket)
{
    item(j, key);
    j->first = true;
    j->in_list = bracket == '[';
    j->depth++;
    if (!j->lines)
        buf_add(j->out, &bracket, 1);
}

void json_close(struct json *j, char bracket)
{
    bool empty = j->first;
    j->first = j->in_list = false;
    j->depth--;
    if (j->indented && !empty)
        break_line(j, j->depth);
    if (!j->lines)
        buf_add(j->out, &bracket, 1);
}

void json_string(struct json *j, const char *key, const char *value)
{
    item(j, key);
    if (value)
        add_text(j->out, value, !j->lines);
    else
        buf_str(j->out, "null");
}

void json_number(struct json *j, const char *key, uint64_t value)
{
    item(j, key);
    buf_fmt(j->out, "%llu", (unsigned long long)value);
}

void json_raw(struct json *j, const char *key, const char *text, size_t len)
{
    item(j, key);
    buf_add(j->out, text, len);
}

void json_bool(struct json *j, const char *key, bool value)
{
    item(j, key);
    buf_str(j->out, value ? "true" : "false");
}

static int unescape(const char *in, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = in[i];
        if (c == '\\' && i + 1 < len) {
            c = in[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c; /* \u stays as it is written, without its backslash */
        }
        if (n + 1 >= size)
            return -1;
        out[n++] = c;
    }
    out[n] = '\0';
    return 0;
}

int json_get_string(const char *text, size_t len, const char *key, char *out, size_t size)
{
    jsmntok_t tokens[64];
    jsmn_parser parser;
    jsmn_init(&parser);
    int count = jsmn_parse(&parser, text, len, tokens, COUNT(tokens));
    if (count < 1 || tokens[0].type != JSMN_OBJECT)
        return -1;
    for (int i = 1; i + 1 < count; i++) {
        const jsmntok_t *k = &tokens[i], *v = &tokens[i + 1];
        size_t klen = (size_t)(k->end - k->start);
        if (k->parent == 0 && k->type == JSMN_STRING && k->size == 1 && strlen(key) == klen &&
            memcmp(text + k->start, key, klen) == 0)
            return v->type == JSMN_STRING ? unescape(text + v->start, (size_t)(v->end - v->start), out, size) : -1;
    }
    return -1;
}

/* A token's text; false when it does not fit. */
static bool copy_token(const char *text, const jsmntok_t *t, char out[64])
{
    int len = t->end - t->start;
    if (len < 0 || len > 63)
        return false;
    memcpy(out, text + t->start, (size_t)len);
    out[len] = '\0';
    return true;
}

/* The name of the object that a value is in; "" at the top. */
static bool name_of_parent(const char *text, const jsmntok_t *tokens, const jsmntok_t *key, char out[64])
{
    out[0] = '\0';
    if (key->parent <= 0)
        return key->parent == 0;
    const jsmntok_t *object = &tokens[key->parent], *name = object->parent > 0 ? &tokens[object->parent] : NULL;
    return object->type == JSMN_OBJECT && name && name->type == JSMN_STRING && name->parent == 0 &&
           copy_token(text, name, out);
}

int json_numbers(const char *text, size_t len,
                 void (*found)(void *arg, const char *object, const char *key, uint64_t value), void *arg)
{
    jsmn_parser parser;
    jsmn_init(&parser);
    int count = jsmn_parse(&parser, text, len, NULL, 0);
    if (count < 1 || count > NUMBERS_MAX)
        return -1;
    cleanup_free jsmntok_t *tokens = calloc((size_t)count, sizeof(*tokens));
    jsmn_init(&parser);
    if (!tokens || jsmn_parse(&parser, text, len, tokens, (unsigned)count) != count || tokens[0].type != JSMN_OBJECT)
        return -1;
    for (int i = 1; i + 1 < count; i++) {
        const jsmntok_t *k = &tokens[i], *v = &tokens[i + 1];
        char object[64], key[64], number[64];
        uint64_t value;
        if (k->type == JSMN_STRING && k->size == 1 && v->type == JSMN_PRIMITIVE && v->parent == i &&
            name_of_parent(text, tokens, k, object) && copy_token(text, k, key) && copy_token(text, v, number) &&
            num_parse(number, 0, UINT64_MAX - 1, &value) == 0)
            found(arg, object, key, value);
    }
    return 0;
}
