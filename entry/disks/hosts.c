/* The owner of a line's address decides.  Every machine has loopback addresses of its own: such a line stays, except
 * for the hostname, which moves to the guest's address (Debian writes "127.0.1.1 name.domain name").  Any other address
 * in a line with the hostname is the container's.  The command runs in the guest, so that address becomes the guest's
 * and keeps all its names in their order: `hostname -f` prints the first one. */
#include "entry/disks/hosts.h"

#include "common/array.h"
#include "common/cleanup.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What guest-init/etc.c writes itself; and Docker, which has more zeros. */
static const struct {
    const char *address, *names[4];
} usual[] = {
    {"127.0.0.1", {"localhost"}},  {"::1", {"localhost", "ip6-localhost", "ip6-loopback"}},
    {"fe00::", {"ip6-localnet"}},  {"ff00::", {"ip6-mcastprefix"}},
    {"ff02::1", {"ip6-allnodes"}}, {"ff02::2", {"ip6-allrouters"}},
};

static const char blank[] = " \t\r";

struct hosts_line {
    char address[INET6_ADDRSTRLEN + IF_NAMESIZE];
    const char *names;  /* the rest of the line */
    int family;         /* 0: not an address that is known here */
    uint8_t binary[16]; /* the address */
};

/* The next word, its length in *len; NULL at the end. */
static const char *next_word(const char **rest, size_t *len)
{
    const char *word = *rest + strspn(*rest, blank);
    *len = strcspn(word, blank);
    *rest = word + *len;
    return *len ? word : NULL;
}

/* False: it names nothing.  The text stays the caller's. */
static bool read_line(struct hosts_line *l, const char *text)
{
    size_t len;
    *l = (struct hosts_line){.names = text};
    const char *address = next_word(&l->names, &len);
    if (!address || len >= sizeof(l->address) || l->names[strspn(l->names, blank)] == '\0')
        return false;
    memcpy(l->address, address, len);
    if (inet_pton(AF_INET, l->address, l->binary) == 1)
        l->family = AF_INET;
    else if (inet_pton(AF_INET6, l->address, l->binary) == 1)
        l->family = AF_INET6;
    return true;
}

static bool same_address(const struct hosts_line *l, const struct hosts_line *other)
{
    return l->family == other->family && memcmp(l->binary, other->binary, sizeof(l->binary)) == 0;
}

static bool is_loopback(const struct hosts_line *l)
{
    static const uint8_t one[16] = {[15] = 1};
    return l->family == AF_INET ? l->binary[0] == 127 : memcmp(l->binary, one, sizeof(one)) == 0;
}

static bool is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(word, name, len) == 0;
}

/* Whether the guest's init gives this name the same address anyway. */
static bool is_usual(const struct hosts_line *l, const char *name, size_t len)
{
    for (size_t i = 0; l->family && i < COUNT(usual); i++) {
        uint8_t binary[16] = {0};
        if (inet_pton(l->family, usual[i].address, binary) != 1 || memcmp(binary, l->binary, sizeof(binary)) != 0)
            continue;
        for (size_t k = 0; k < COUNT(usual[i].names) && usual[i].names[k]; k++)
            if (is(name, len, usual[i].names[k]))
                return true;
    }
    return false;
}

static bool has_hostname(const struct hosts_line *l, const struct hosts_own *own)
{
    const char *rest = l->names, *name;
    for (size_t len; (name = next_word(&rest, &len));)
        if (is(name, len, own->name))
            return true;
    return false;
}

enum which { ALL, OWN, OTHERS }; /* names; own is the hostname, with a domain or without */

static bool is_own(const struct hosts_own *own, const char *name, size_t len)
{
    size_t short_len = strlen(own->name);
    return is(name, len, own->name) || (len > short_len && name[short_len] == '.' && is(name, short_len, own->name));
}

/* Adds a line of these names, unless every machine has that line. */
static void add_line(struct buf *out, const char *address, const struct hosts_line *l, const struct hosts_own *own,
                     enum which which)
{
    const char *rest = l->names, *name;
    size_t before = out->len, len;
    bool any = false;
    buf_str(out, address);
    while ((name = next_word(&rest, &len)))
        if (which == ALL || is_own(own, name, len) == (which == OWN)) {
            any |= !is_usual(l, name, len);
            buf_str(out, out->len == before + strlen(address) ? "\t" : " ");
            buf_add(out, name, len);
        }
    buf_str(out, "\n");
    if (!any && !buf_failed(out))
        out->len = before;
}

/* The lines of the container's own address, which are few. */
enum { MINE_MAX = 8 };
struct mine {
    struct hosts_line line[MINE_MAX];
    size_t count;
};

static bool is_mine(const struct hosts_line *l, const struct mine *mine)
{
    for (size_t i = 0; i < mine->count; i++)
        if (same_address(l, &mine->line[i]))
            return true;
    return false;
}

static void translate(const struct hosts_line *l, const struct mine *mine, const struct hosts_own *own, struct buf *out)
{
    const char *address = l->family == AF_INET ? own->address : own->address6;
    if (l->family && is_loopback(l) && has_hostname(l, own)) {
        add_line(out, l->address, l, own, OTHERS);
        if (address)
            add_line(out, address, l, own, OWN);
    } else if (!l->family || (!is_mine(l, mine) && !has_hostname(l, own))) {
        add_line(out, l->address, l, own, ALL);
    } else if (address) {
        add_line(out, address, l, own, ALL);
    }
}

/* Whether the hostname has an IPv4 address at all. */
static void find_mine(char *const *lines, const struct hosts_own *own, struct mine *mine, bool *named)
{
    struct hosts_line l;
    for (; *lines; lines++)
        if (read_line(&l, *lines) && l.family && has_hostname(&l, own)) {
            *named |= l.family == AF_INET;
            if (!is_loopback(&l) && !is_mine(&l, mine) && mine->count < MINE_MAX)
                mine->line[mine->count++] = l;
        }
}

/* The lines of text without comments, followed by a NULL; they and the array are one piece of memory. */
static char **split_lines(const char *text)
{
    size_t count = 2, len = strlen(text) + 1;
    for (const char *c = text; (c = strchr(c, '\n')); c++)
        count++;
    char **lines = malloc(count * sizeof(*lines) + len), **next = lines;
    if (!lines)
        return NULL;
    char *rest = memcpy(lines + count, text, len);
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "#")] = '\0';
        *next++ = line;
    }
    *next = NULL;
    return lines;
}

void hosts_make(const char *text, const struct hosts_own *given, struct buf *out)
{
    struct hosts_own own = *given;
    struct mine mine = {.count = 0};
    struct hosts_line l;
    bool named = false;
    cleanup_free char **lines = split_lines(text);
    out->failed |= !lines;
    if (!lines)
        return;
    if (strcasecmp(own.name, "localhost") == 0) /* which everybody is called */
        own.name = "";
    find_mine(lines, &own, &mine, &named);
    if (!named && own.name[0] && own.domain[0] && !strchr(own.name, '.'))
        buf_fmt(out, "%s\t%s.%s %s\n", own.address, own.name, own.domain, own.name);
    else if (!named && own.name[0])
        buf_fmt(out, "%s\t%s\n", own.address, own.name);
    for (char **line = lines; *line; line++)
        if (read_line(&l, *line))
            translate(&l, &mine, &own, out);
}
