#include "common/user.h"

#include "common/num.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = 7 };

/* One line of passwd(5) or group(5): fields between colons, not NUL-terminated. */
struct passwd_line {
    const char *field[FIELDS_MAX];
    size_t len[FIELDS_MAX];
    size_t count;
};

/* Takes the line at *text; false at the end. */
static bool next_line(const char **text, struct passwd_line *l)
{
    const char *c = *text;
    if (!*c)
        return false;
    l->count = 0;
    for (;; c++) {
        size_t len = strcspn(c, ":\n");
        if (l->count < FIELDS_MAX) {
            l->field[l->count] = c;
            l->len[l->count++] = len;
        }
        c += len;
        if (*c != ':')
            break;
    }
    *text = c + (*c == '\n');
    return true;
}

static bool is(const struct passwd_line *l, size_t i, const char *text, size_t len)
{
    return i < l->count && l->len[i] == len && memcmp(l->field[i], text, len) == 0;
}

/* A numeric field, as an id: 0 to 2^32 - 2 (the last one means "no change" to the kernel). */
static bool read_id(const char *text, size_t len, uint32_t *out)
{
    char copy[16];
    uint64_t value;
    if (len == 0 || len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (num_parse(copy, 0, UINT32_MAX - 1, &value) < 0)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* Whether name (len bytes) is in the comma-separated members. */
static bool is_member(const char *members, size_t size, const char *name, size_t len)
{
    const char *end = members + size;
    while (members < end) {
        const char *comma = memchr(members, ',', (size_t)(end - members));
        size_t n = (size_t)((comma ? comma : end) - members);
        if (n == len && memcmp(members, name, len) == 0)
            return true;
        members += n + 1;
    }
    return false;
}

static void add_groups(const char *group, const char *name, size_t len, struct user *user)
{
    struct passwd_line l;
    uint32_t gid;
    while (next_line(&group, &l))
        if (l.count >= 4 && is_member(l.field[3], l.len[3], name, len) && read_id(l.field[2], l.len[2], &gid) &&
            user->group_count < USER_GROUPS_MAX)
            user->groups[user->group_count++] = gid;
}

/* Digits are always an id and never a name, as for Docker and runc: otherwise a user "1000" in an image's passwd would
 * give the image what the operator denied it. */
static bool is_number(const char *text, size_t len)
{
    return len > 0 && strspn(text, "0123456789") >= len;
}

/* The user's line, by name, or by the id. */
static bool find_user(const char *passwd, const char *spec, size_t len, struct passwd_line *l)
{
    uint32_t wanted = 0, uid;
    bool number = is_number(spec, len);
    if (number && !read_id(spec, len, &wanted))
        return false;
    while (next_line(&passwd, l)) {
        if (l->count < 4)
            continue;
        if (number ? read_id(l->field[2], l->len[2], &uid) && uid == wanted : is(l, 0, spec, len))
            return true;
    }
    return false;
}

static int find_group(const char *group, const char *name, size_t len, struct user *user, struct err *err)
{
    struct passwd_line l;
    while (!is_number(name, len) && next_line(&group, &l))
        if (is(&l, 0, name, len) && l.count >= 3 && read_id(l.field[2], l.len[2], &user->gid))
            return 0;
    if (is_number(name, len) && read_id(name, len, &user->gid))
        return 0;
    return err_set(err, "there is no group '%.*s' in the image's /etc/group", (int)len, name);
}

static int read_groups(const char *list, struct user *user, struct err *err)
{
    for (const char *end;; list = end + 1) {
        end = strchrnul(list, ',');
        if (user->group_count == USER_GROUPS_MAX)
            return err_set(err, "there are more than %d supplementary groups", USER_GROUPS_MAX);
        if (!read_id(list, (size_t)(end - list), &user->groups[user->group_count++]))
            return err_set(err, "'%.*s' is not the number of a supplementary group", (int)(end - list), list);
        if (!*end)
            return 0;
    }
}

int user_find(const char *spec, const char *passwd, const char *group, struct user *user, struct err *err)
{
    *user = (struct user){.home = "/"};
    size_t len = strcspn(spec, ":");
    const char *wanted = spec[len] && spec[len + 1] ? spec + len + 1 : NULL;
    size_t wanted_len = wanted ? strcspn(wanted, ":") : 0;
    const char *more = wanted && wanted[wanted_len] ? wanted + wanted_len + 1 : NULL;
    if (len == 0) {
        spec = "0";
        len = 1;
    }
    struct passwd_line l;
    bool numeric = is_number(spec, len) && read_id(spec, len, &user->uid);
    bool found = find_user(passwd, spec, len, &l);
    if (found && (!read_id(l.field[2], l.len[2], &user->uid) || !read_id(l.field[3], l.len[3], &user->gid)))
        return err_set(err, "the entry of user '%.*s' in the image's /etc/passwd is malformed", (int)len, spec);
    if (!found && !numeric)
        return err_set(err, "there is no user '%.*s' in the image's /etc/passwd", (int)len, spec);
    if (found && l.count >= 6 && l.len[5] > 0 && l.len[5] < sizeof(user->home))
        snprintf(user->home, sizeof(user->home), "%.*s", (int)l.len[5], l.field[5]);
    else if (user->uid == 0)
        snprintf(user->home, sizeof(user->home), "/root");
    if (more && read_groups(more, user, err) < 0)
        return -1;
    if (wanted_len)
        return find_group(group, wanted, wanted_len, user, err);
    if (found && !more)
        add_groups(group, l.field[0], l.len[0], user);
    return 0;
}
