/* An image's name is a reference as docker's, [HOST[:PORT]/]PATH[:TAG], without a digest; firebuild's org/image:version
 * is one, too.  Grammar: github.com/distribution/reference. */
#include "store/name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define MARKS "._-"

enum { TAG_MAX = 128, ID_MAX = 60 };

/* Whether the len bytes are all of `allowed`, and the first is of `first`. */
static bool is_word(const char *text, size_t len, const char *first, const char *allowed)
{
    return len > 0 && strchr(first, *text) && strspn(text, allowed) >= len;
}

/* One part of an image's path: a host may have a port, and the last part may have a tag. */
static bool is_part(const char *part, size_t len, bool host, bool last)
{
    size_t word = strcspn(part, ":/");
    const char *after = part + word + 1;
    if (!is_word(part, word, LOWER DIGITS, LOWER DIGITS MARKS))
        return false;
    if (word == len)
        return true;
    size_t rest = len - word - 1;
    if (last)
        return rest <= TAG_MAX && is_word(after, rest, LOWER UPPER DIGITS "_", LOWER UPPER DIGITS MARKS);
    return host && is_word(after, rest, DIGITS, DIGITS);
}

static bool is_image(const char *text)
{
    for (const char *part = text;;) {
        size_t len = strcspn(part, "/");
        bool last = !part[len];
        if (!is_part(part, len, part == text, last))
            return false;
        if (last)
            return true;
        part += len + 1;
    }
}

int name_parse(enum store_kind kind, const char *text, char name[NAME_SIZE], struct err *err)
{
    size_t len = strlen(text);
    if (kind == STORE_KERNELS) {
        if (len > ID_MAX || !is_word(text, len, LOWER UPPER DIGITS, LOWER UPPER DIGITS MARKS))
            return err_set(err, "%s: is not a kernel's id: up to %d of A-Z a-z 0-9 . _ -, the first a letter or digit",
                           text, ID_MAX);
    } else if (len + sizeof(":latest") > NAME_SIZE || !is_image(text)) {
        return err_set(err, "%s: is not an image's name: [HOST[:PORT]/]PATH[:TAG], such as org/image:1.0", text);
    }
    const char *slash = strrchr(text, '/');
    bool tagged = kind == STORE_KERNELS || strchr(slash ? slash : text, ':');
    snprintf(name, NAME_SIZE, "%s%s", text, tagged ? "" : ":latest");
    return 0;
}
