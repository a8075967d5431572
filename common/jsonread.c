#include "common/jsonread.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/num.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>
#include <string.h>

enum { TOKENS_MAX = 1 << 20, DEPTH_MAX = 1000 };

static const jsmntok_t *at(const struct jsonread *j, int item)
{
    return (const jsmntok_t *)j->tokens + item;
}

/* For each closing bracket, jsmn goes up from the last token: 400,000 nested brackets took minutes. */
static bool is_too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len && depth <= DEPTH_MAX; i++) {
        const char c = text[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\';
        else if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return depth > DEPTH_MAX;
}

int jsonread_open(struct jsonread *j, const char *text, size_t len)
{
    jsmn_parser parser;
    *j = (struct jsonread){.text = text};
    jsmn_init(&parser);
    int count = is_too_deep(text, len) ? -1 : jsmn_parse(&parser, text, len, NULL, 0);
    if (count < 1 || count > TOKENS_MAX)
        return -1;
    j->tokens = calloc((size_t)count, sizeof(jsmntok_t));
    jsmn_init(&parser);
    if (!j->tokens || jsmn_parse(&parser, text, len, j->tokens, (unsigned)count) != count) {
        jsonread_close(j);
        return -1;
    }
    j->count = count;
    return 0;
}

void jsonread_close(struct jsonread *j)
{
    free(j->tokens);
    j->tokens = NULL;
    j->count = 0;
}

int jsonread_first(const struct jsonread *j, int parent)
{
    return parent >= 0 && parent + 1 < j->count && at(j, parent + 1)->parent == parent ? parent + 1 : -1;
}

/* Tokens are in the order of the text, so an item's content follows it directly. */
int jsonread_next(const struct jsonread *j, int item)
{
    if (item < 0)
        return -1;
    int parent = at(j, item)->parent, next = item + 1;
    while (next < j->count && at(j, next)->parent > parent)
        next++;
    return next < j->count && at(j, next)->parent == parent ? next : -1;
}

int jsonread_member(const struct jsonread *j, int object, const char *key)
{
    if (object < 0 || at(j, object)->type != JSMN_OBJECT)
        return -1;
    for (int k = jsonread_first(j, object); k >= 0; k = jsonread_next(j, k)) {
        cleanup_free char *name = jsonread_string(j, k);
        if (name && strcmp(name, key) == 0)
            return jsonread_first(j, k);
    }
    return -1;
}

bool jsonread_is(const struct jsonread *j, int item, char first)
{
    return item >= 0 && at(j, item)->type != JSMN_STRING && j->text[at(j, item)->start] == first;
}

const char *jsonread_raw(const struct jsonread *j, int item, size_t *len)
{
    *len = 0;
    if (item < 0)
        return "";
    const int quote = at(j, item)->type == JSMN_STRING, bytes = at(j, item)->end - at(j, item)->start + 2 * quote;
    *len = (size_t)bytes;
    return j->text + at(j, item)->start - quote;
}

static uint32_t hex4(const char *text)
{
    char digits[5] = {text[0], text[1], text[2], text[3]};
    return (uint32_t)strtoul(digits, NULL, 16);
}

static void add_utf8(struct buf *out, uint32_t code)
{
    char bytes[4] = {(char)code};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len; len > 1 && i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    if (len > 1)
        bytes[0] = (char)((0xf00 >> len & 0xff) | code);
    buf_add(out, bytes, len);
}

/* Reads the escape at text (after its backslash; jsmn has checked it), with `left` bytes of text left.  Its length. */
static size_t add_escape(struct buf *out, const char *text, size_t left)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    if (*text != 'u') {
        const char *name = strchr(names, *text);
        buf_add(out, name ? &values[name - names] : text, 1);
        return 1;
    }
    uint32_t code = hex4(text + 1);
    if (code >= 0xd800 && code < 0xdc00 && left >= 11 && text[5] == '\\' && text[6] == 'u') {
        uint32_t low = hex4(text + 7);
        if (low >= 0xdc00 && low < 0xe000) {
            add_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
            return 11;
        }
    }
    add_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return 5;
}

char *jsonread_string(const struct jsonread *j, int item)
{
    if (item < 0 || at(j, item)->type != JSMN_STRING)
        return NULL;
    const char *c = j->text + at(j, item)->start, *end = j->text + at(j, item)->end;
    cleanup_buf struct buf out = {0};
    while (c < end) {
        const char *escape = memchr(c, '\\', (size_t)(end - c));
        size_t plain = (size_t)((escape ? escape : end) - c);
        buf_add(&out, c, plain);
        c += plain;
        if (c < end)
            c += 1 + add_escape(&out, c + 1, (size_t)(end - c - 1));
    }
    buf_add(&out, "", 1);
    if (buf_failed(&out) || strlen(out.data) + 1 != out.len)
        return NULL;
    return strdup(out.data);
}

uint64_t jsonread_number(const struct jsonread *j, int item)
{
    char text[24];
    uint64_t value = 0;
    if (item < 0 || at(j, item)->type != JSMN_PRIMITIVE)
        return 0;
    snprintf(text, sizeof(text), "%.*s", at(j, item)->end - at(j, item)->start, j->text + at(j, item)->start);
    return num_parse(text, 0, UINT64_MAX, &value) == 0 ? value : 0;
}
