#include "ctl/dockerfile.h"

#include "common/buf.h"
#include "common/cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACE " \t\r"
/* No image has so long a name.  Values are cut there, or ten lines like ARG B=$A$A$A$A$A$A would make a gigabyte. */
enum { EXPANDED_MAX = 4096 };
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

struct scan {
    const struct list *arguments;
    struct list values; /* NAME=VALUE, of the ARGs before the first FROM; owned */
    bool begun;         /* there was a FROM */
    int (*found)(void *arg, char *name, bool first);
    void *arg;
};

/* The value in the last NAME=VALUE of that name; NULL: there is none. */
static const char *value_of(const struct list *l, const char *name, size_t len)
{
    for (size_t i = l->count; i > 0; i--)
        if (strncmp(l->items[i - 1], name, len) == 0 && l->items[i - 1][len] == '=')
            return l->items[i - 1] + len + 1;
    return NULL;
}

/* Appends what the variable at text, behind its $, stands for.  The variable's length; 0: it is none. */
static size_t add_variable(const struct scan *s, const char *text, struct buf *out)
{
    bool braces = *text == '{';
    const char *name = text + braces, *end = name + strspn(name, LETTERS);
    const char *value = value_of(&s->values, name, (size_t)(end - name));
    bool fallback = braces && strncmp(end, ":-", 2) == 0;
    const char *other = end + 2 * fallback;
    size_t len = fallback ? strcspn(other, "}") : 0;
    if (end == name || (braces && other[len] != '}'))
        return 0;
    if (value && *value)
        buf_str(out, value);
    else
        buf_add(out, other, len);
    return (size_t)(other + len - text) + braces;
}

/* The word with its variables' values and without quotes; owned by the caller.  NULL: no memory. */
static char *expand(const struct scan *s, const char *word)
{
    struct buf out = {0};
    while (*word && out.len <= EXPANDED_MAX) {
        size_t len = *word == '$' ? add_variable(s, word + 1, &out) : 0;
        if (len == 0 && *word != '"' && *word != '\'')
            buf_add(&out, word, 1);
        word += len + 1;
    }
    if (out.len > EXPANDED_MAX)
        out.len = EXPANDED_MAX;
    buf_add(&out, "", 1);
    if (!buf_failed(&out))
        return out.data;
    buf_free(&out);
    return NULL;
}

/* One NAME or NAME=VALUE of an ARG before the first FROM.  Without a value here and in --build-arg, it has none. */
static int declare(struct scan *s, const char *word)
{
    cleanup_buf struct buf both = {0};
    size_t len = strcspn(word, "=");
    const char *given = value_of(s->arguments, word, len);
    cleanup_free char *own = word[len] ? expand(s, word + len + 1) : strdup("");
    if (!own)
        return -1;
    buf_fmt(&both, "%.*s=%s", (int)len, word, given ? given : own);
    if (buf_failed(&both))
        return -1;
    list_add(&s->values, strdup(both.data));
    return s->values.failed ? -1 : 0;
}

static int take_from(struct scan *s, const char *word)
{
    cleanup_free char *name = expand(s, word);
    s->begun = true;
    return name ? s->found(s->arg, name, true) : -1;
}

static char *next_word(char **line)
{
    char *word = strsep(line, SPACE);
    while (word && !*word)
        word = strsep(line, SPACE);
    return word;
}

static int read_line(struct scan *s, char *line)
{
    int rc = 0;
    char *word = next_word(&line);
    bool from = word && strcasecmp(word, "FROM") == 0, copy = word && strcasecmp(word, "COPY") == 0;
    bool declares = word && strcasecmp(word, "ARG") == 0 && !s->begun;
    while ((from || copy || declares) && rc == 0 && (word = next_word(&line)))
        if (declares) {
            rc = declare(s, word);
        } else if (copy && strncmp(word, "--from=", 7) == 0) {
            rc = s->found(s->arg, word + 7, false);
        } else if (from && strncmp(word, "--", 2) != 0) {
            rc = take_from(s, word);
            from = false;
        }
    return rc;
}

int dockerfile_names(char *text, const struct list *arguments, int (*found)(void *arg, char *name, bool first),
                     void *arg)
{
    int rc = 0;
    struct scan s = {.arguments = arguments, .found = found, .arg = arg};
    for (char *line; rc == 0 && (line = strsep(&text, "\n"));)
        rc = read_line(&s, line);
    for (size_t i = 0; i < s.values.count; i++)
        free((char *)s.values.items[i]);
    free(s.values.items);
    return rc;
}
