#include "entry/vmm/http.h"

#include "common/num.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void http_request(struct buf *out, const char *method, const char *path, const char *body)
{
    buf_fmt(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n", method, path);
    if (body)
        buf_fmt(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    buf_str(out, "\r\n");
    buf_str(out, body ? body : "");
}

/* "Content-Length: 28", without its end; with any number of spaces. */
static int parse_length(const char *value, size_t len, size_t max, size_t *length)
{
    char digits[16];
    uint64_t n;
    while (len > 0 && (*value == ' ' || *value == '\t'))
        value++, len--;
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    if (snprintf(digits, sizeof(digits), "%.*s", (int)len, value) >= (int)sizeof(digits) ||
        num_parse(digits, 0, max, &n) < 0)
        return -1;
    *length = (size_t)n;
    return 0;
}

static int parse_field(const char *line, size_t len, size_t max, struct http_answer *a)
{
    static const char length[] = "Content-Length:", chunks[] = "Transfer-Encoding:";
    if (len >= sizeof(length) - 1 && strncasecmp(line, length, sizeof(length) - 1) == 0)
        return parse_length(line + sizeof(length) - 1, len - (sizeof(length) - 1), max, &a->length);
    return len >= sizeof(chunks) - 1 && strncasecmp(line, chunks, sizeof(chunks) - 1) == 0 ? -1 : 0;
}

/* "HTTP/1.1 204 No Content"; Firecracker leaves the text out. */
static int parse_status(const char *line, size_t len, struct http_answer *a)
{
    static const char version[] = "HTTP/1.1 ";
    enum { START = sizeof(version) - 1, DIGITS = 3 };
    if (len < START + DIGITS || memcmp(line, version, START) != 0 ||
        (len > START + DIGITS && line[START + DIGITS] != ' '))
        return -1;
    char digits[DIGITS + 1] = {line[START], line[START + 1], line[START + 2]};
    uint64_t status;
    if (num_parse(digits, 200, 999, &status) < 0)
        return -1;
    a->status = (long)status;
    return 0;
}

int http_parse(const char *data, size_t len, size_t max, struct http_answer *a)
{
    *a = (struct http_answer){0};
    for (size_t at = 0; at < len;) {
        const char *line = data + at, *end = memmem(line, len - at, "\r\n", 2);
        if (!end)
            break;
        size_t length = (size_t)(end - line);
        if (at == 0 ? parse_status(line, length, a) < 0 : parse_field(line, length, max, a) < 0)
            return -1;
        at += length + 2;
        if (length > 0)
            continue;
        a->head = at;
        if (a->head + a->length > max)
            return -1;
        return len - at >= a->length;
    }
    return len > max ? -1 : 0;
}
